package dev.forkpoint.learner.run;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class VersionsTest {

    @Test
    void everyLibraryThatComputesIsNamedWithItsVersion() {
        assertThat(Versions.all()).containsOnlyKeys("djl", "forkpoint", "java", "libtorch", "os");
        assertThat(Versions.all().get("djl")).matches("\\d+\\.\\d+\\.\\d+");
        assertThat(Versions.all().get("libtorch")).matches("\\d+\\.\\d+\\.\\d+");
        assertThat(Versions.all().get("java")).startsWith(System.getProperty("java.version"));
    }

    @Test
    void nothingReportsHomeThatItIsUsed() {
        Versions.all();
        assertThat(System.getProperty("OPT_OUT_TRACKING")).isEqualTo("true");
    }
}
