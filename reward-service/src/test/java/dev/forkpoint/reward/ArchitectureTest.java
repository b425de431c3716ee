package dev.forkpoint.reward;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(
        packages = "dev.forkpoint.reward",
        importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule dependsOnNoOtherService =
            noClasses()
                    .that()
                    .resideInAPackage("dev.forkpoint.reward..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "dev.forkpoint.rollout..",
                            "dev.forkpoint.entropy..",
                            "dev.forkpoint.learner..",
                            "dev.forkpoint.policy..",
                            "dev.forkpoint.triton..",
                            "dev.forkpoint.cli..",
                            "dev.forkpoint.load..");
}
