package dev.forkpoint.rollout;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(
        packages = "dev.forkpoint.rollout",
        importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule dependsOnNoOtherService =
            noClasses()
                    .that()
                    .resideInAPackage("dev.forkpoint.rollout..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "dev.forkpoint.entropy..",
                            "dev.forkpoint.reward..",
                            "dev.forkpoint.learner..",
                            "dev.forkpoint.cli..",
                            "dev.forkpoint.load..");
}
