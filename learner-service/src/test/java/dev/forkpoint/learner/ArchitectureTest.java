package dev.forkpoint.learner;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(
        packages = "dev.forkpoint.learner",
        importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String ANNOTATIONS = "org.jspecify.annotations..";

    /** The equation knows no tensor library, no wire format and no service. */
    @ArchTest
    static final ArchRule OBJECTIVE_IS_PLAIN_JAVA =
            classes()
                    .that()
                    .resideInAPackage("..learner.objective..")
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(
                            "java..",
                            ANNOTATIONS,
                            "..learner.objective..",
                            "dev.forkpoint.policy.selection..",
                            "dev.forkpoint.policy.sampling..");

    @ArchTest
    static final ArchRule STEPS_ARE_PLAIN_JAVA =
            classes()
                    .that()
                    .resideInAPackage("..learner.step..")
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(
                            "java..",
                            ANNOTATIONS,
                            "..learner.step..",
                            "..learner.objective..",
                            "dev.forkpoint.policy.selection..",
                            "dev.forkpoint.policy.sampling..");

    @ArchTest
    static final ArchRule RECORDS_KNOW_NO_LOOP_AND_NO_CALLS =
            noClasses()
                    .that()
                    .resideInAPackage("..learner.record..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "..learner.run..",
                            "..learner.grpc..",
                            "..learner.peer..",
                            "..learner.trainer..",
                            "io.grpc..",
                            "io.quarkus..",
                            "ai.djl..");
}
