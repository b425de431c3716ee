package dev.forkpoint.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "dev.forkpoint", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule knowsNoService =
            noClasses()
                    .that()
                    .resideInAPackage("dev.forkpoint.cli..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "dev.forkpoint.rollout..",
                            "dev.forkpoint.entropy..",
                            "dev.forkpoint.reward..",
                            "dev.forkpoint.learner..",
                            "dev.forkpoint.service..",
                            "io.quarkus..");

    @ArchTest
    static final ArchRule onlyBenchKnowsThePolicyRoom =
            noClasses()
                    .that()
                    .resideInAPackage("dev.forkpoint.cli..")
                    .and()
                    .haveNameNotMatching(".*\\.Bench[A-Za-z0-9$]*")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("dev.forkpoint.policy..", "ai.djl..");

    @ArchTest
    static final ArchRule outputAndRecipesKnowNoCommand =
            noClasses()
                    .that()
                    .resideInAnyPackage(
                            "dev.forkpoint.cli.output",
                            "dev.forkpoint.cli.recipe",
                            "dev.forkpoint.cli.local")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("dev.forkpoint.cli.command");
}
