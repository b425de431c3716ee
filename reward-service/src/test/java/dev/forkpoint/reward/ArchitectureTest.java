package dev.forkpoint.reward;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Who may touch what. */
@AnalyzeClasses(
        packages = "dev.forkpoint.reward",
        importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule VERIFIER_TOUCHES_ONLY_THE_JDK =
            classes()
                    .that()
                    .resideInAPackage("dev.forkpoint.reward.verifier")
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(
                            "dev.forkpoint.reward.verifier", "java..", "org.jspecify..");

    @ArchTest
    static final ArchRule MATH_TOUCHES_ONLY_THE_JDK_AND_THE_ARITHMETIC_LIBRARY =
            classes()
                    .that()
                    .resideInAPackage("dev.forkpoint.reward.math")
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(
                            "dev.forkpoint.reward.math",
                            "dev.forkpoint.reward.verifier",
                            "java..",
                            "org.jspecify..",
                            "ch.obermuhlner.math.big..");

    @ArchTest
    static final ArchRule TASK_FAMILIES_KNOW_ONLY_THE_VERIFIER_CONTRACT =
            noClasses()
                    .that()
                    .resideInAnyPackage(
                            "..countdown..",
                            "..reasoning..",
                            "..text..",
                            "..math..",
                            "..verifier..",
                            "..schedule..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "io.grpc..",
                            "io.quarkus..",
                            "io.vertx..",
                            "com.google.protobuf..",
                            "..reward.grpc..",
                            "dev.forkpoint.proto..");

    @ArchTest
    static final ArchRule NO_OTHER_SERVICE =
            noClasses()
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "dev.forkpoint.rollout..",
                            "dev.forkpoint.entropy..",
                            "dev.forkpoint.learner..",
                            "dev.forkpoint.policy..");
}
