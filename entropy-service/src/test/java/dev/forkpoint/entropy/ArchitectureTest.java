package dev.forkpoint.entropy;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(
        packages = "dev.forkpoint.entropy",
        importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule dependsOnNoOtherService =
            noClasses()
                    .that()
                    .resideInAPackage("dev.forkpoint.entropy..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "dev.forkpoint.rollout..",
                            "dev.forkpoint.reward..",
                            "dev.forkpoint.learner..",
                            "dev.forkpoint.triton..",
                            "dev.forkpoint.cli..",
                            "dev.forkpoint.load..");
}
