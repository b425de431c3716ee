package dev.forkpoint.learner;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(
        packages = "dev.forkpoint.learner",
        importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule dependsOnNoOtherService =
            noClasses()
                    .that()
                    .resideInAPackage("dev.forkpoint.learner..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "dev.forkpoint.rollout..",
                            "dev.forkpoint.entropy..",
                            "dev.forkpoint.reward..",
                            "dev.forkpoint.triton..",
                            "dev.forkpoint.cli..",
                            "dev.forkpoint.load..");

    @ArchTest
    static final ArchRule objectivesArePlainJava =
            noClasses()
                    .that()
                    .resideInAPackage("dev.forkpoint.learner.objective..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "io.quarkus..",
                            "io.grpc..",
                            "jakarta..",
                            "ai.djl..",
                            "dev.forkpoint.proto..",
                            "dev.forkpoint.service..");

    /** A second trainer, in other processes, must be possible behind the same interface. */
    @ArchTest
    static final ArchRule nothingButTheTrainerKnowsTheTensorLibrary =
            noClasses()
                    .that()
                    .resideInAPackage("dev.forkpoint.learner..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("ai.djl..");
}
