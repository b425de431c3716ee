package dev.forkpoint.triton;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;

class TritonMetricsTest {

    @Test
    void readsFamiliesSamplesAndLabels() {
        var families =
                TritonMetrics.parse(
                        """
                        # HELP nv_inference_count Number of inferences, "quoted"
                        # TYPE nv_inference_count counter
                        nv_inference_count{model="a",version="1"} 3
                        nv_inference_count{model="b \\"x\\"",version="2"} 4.5e1
                        # HELP nv_pinned Bytes
                        # TYPE nv_pinned gauge
                        nv_pinned 0

                        # TYPE nv_summary summary
                        nv_summary{quantile="0.5"} NaN
                        nv_summary_count 7
                        """);
        assertThat(families)
                .extracting(TritonMetrics.Family::name)
                .containsExactly("nv_inference_count", "nv_pinned", "nv_summary");
        assertThat(families.get(0).type()).isEqualTo("counter");
        assertThat(families.get(0).help()).isEqualTo("Number of inferences, \"quoted\"");
        assertThat(families.get(0).samples().get(1).labels())
                .isEqualTo(Map.of("model", "b \"x\"", "version", "2"));
        assertThat(families.get(0).samples().get(1).value()).isEqualTo(45);
        assertThat(families.get(1).samples().get(0).labels()).isEmpty();
        assertThat(families.get(2).samples()).hasSize(2);
    }

    @Test
    void refusesWhatIsNoPrometheusText() {
        assertThatThrownBy(() -> TritonMetrics.parse("<html>")).hasMessageContaining("<html>");
    }
}
