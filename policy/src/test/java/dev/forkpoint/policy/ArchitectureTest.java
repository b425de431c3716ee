package dev.forkpoint.policy;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(
        packages = "dev.forkpoint.policy",
        importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule KNOWS_NEITHER_SERVICES_NOR_THEIR_FRAMEWORKS =
            noClasses()
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "io.grpc..",
                            "io.quarkus..",
                            "com.google.protobuf..",
                            "jakarta..",
                            "dev.forkpoint.proto..");

    @ArchTest
    static final ArchRule SELECTION_AND_SAMPLING_TOUCH_ONLY_THE_JDK =
            classes()
                    .that()
                    .resideInAnyPackage(
                            "dev.forkpoint.policy.selection", "dev.forkpoint.policy.sampling")
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(
                            "java..",
                            "org.jspecify..",
                            "dev.forkpoint.policy.selection",
                            "dev.forkpoint.policy.sampling");

    @ArchTest
    static final ArchRule FILES_AND_TEXT_TOUCH_NO_TENSORS =
            noClasses()
                    .that()
                    .resideInAnyPackage(
                            "dev.forkpoint.policy.checkpoint",
                            "dev.forkpoint.policy.tokenizer",
                            "dev.forkpoint.policy.decoder")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("ai.djl.pytorch..", "ai.djl.ndarray..");

    @ArchTest
    static final ArchRule TENSORS_KNOW_NOTHING_OF_MODELS =
            classes()
                    .that()
                    .resideInAPackage("dev.forkpoint.policy.tensor")
                    .should()
                    .onlyDependOnClassesThat(
                            not(
                                    resideInAnyPackage(
                                            "dev.forkpoint.policy",
                                            "dev.forkpoint.policy.checkpoint",
                                            "dev.forkpoint.policy.tokenizer",
                                            "dev.forkpoint.policy.decoder")));
}
