package dev.forkpoint.triton;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "dev.forkpoint", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule KNOWS_NO_OTHER_ROOM =
            noClasses()
                    .that()
                    .resideInAPackage("dev.forkpoint.triton..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "dev.forkpoint.policy..",
                            "dev.forkpoint.service..",
                            "dev.forkpoint.rollout..",
                            "io.quarkus..",
                            "ai.djl..");

    /** So that the classes which load native code can be parent-first without gRPC. */
    @ArchTest
    static final ArchRule THE_CORE_NEEDS_NO_GRPC =
            noClasses()
                    .that()
                    .resideInAPackage("dev.forkpoint.triton")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "io.grpc..", "com.google.protobuf..", "dev.forkpoint.triton.kserve..");
}
