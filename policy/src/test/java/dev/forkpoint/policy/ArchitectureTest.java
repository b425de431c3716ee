package dev.forkpoint.policy;

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
    static final ArchRule knowsNeitherGrpcNorServices =
            noClasses()
                    .that()
                    .resideInAPackage("dev.forkpoint.policy..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "io.grpc..",
                            "io.quarkus..",
                            "io.vertx..",
                            "jakarta..",
                            "com.google.protobuf..",
                            "dev.forkpoint.proto..",
                            "dev.forkpoint.service..",
                            "dev.forkpoint.rollout..",
                            "dev.forkpoint.entropy..",
                            "dev.forkpoint.reward..",
                            "dev.forkpoint.learner..",
                            "dev.forkpoint.triton..");
}
