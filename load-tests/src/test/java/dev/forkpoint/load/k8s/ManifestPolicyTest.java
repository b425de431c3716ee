package dev.forkpoint.load.k8s;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPeer;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ManifestPolicyTest {

    private static final String COMPONENT = "app.kubernetes.io/component";
    private static final String CLIENT = "forkpoint.dev/client";
    private static final Path REPOSITORY = Manifests.ROOT.getParent();

    private static Manifests built(String folder) throws Exception {
        assumeTrue(Manifests.kubectlIsThere(), "kubectl is not there");
        return Manifests.ofKustomization(folder);
    }

    @Test
    void everyFileParsesByTheTypesOfTheApi() throws Exception {
        assertThat(Manifests.ofFiles().objects()).hasSizeGreaterThan(20);
    }

    @Test
    void aFieldThatTheApiLacksFails() {
        String service =
                """
                apiVersion: v1
                kind: Service
                metadata: {name: x}
                spec: {clusterIp: None}
                """;
        assertThatThrownBy(() -> Manifests.parse(service)).hasMessageContaining("clusterIp");
        assertThatThrownBy(() -> Manifests.parse(service.replace("v1\n", "apps/v9\n")))
                .hasMessageContaining("unknown type apps/v9/Service");
    }

    @Test
    void podsAreClosedBoundedAndProbed() throws Exception {
        Map<String, PodTemplateSpec> pods = Manifests.ofFiles().pods();
        assertThat(pods.keySet())
                .contains(
                        "Deployment/rollout",
                        "Deployment/entropy",
                        "Deployment/reward",
                        "StatefulSet/learner");
        pods.forEach(ManifestPolicyTest::assertPod);
    }

    private static void assertPod(String name, PodTemplateSpec pod) {
        assertThat(pod.getSpec().getAutomountServiceAccountToken()).as(name).isFalse();
        assertThat(pod.getSpec().getSecurityContext().getRunAsNonRoot()).as(name).isTrue();
        assertThat(pod.getSpec().getSecurityContext().getRunAsUser()).as(name).isPositive();
        assertThat(pod.getSpec().getSecurityContext().getSeccompProfile().getType())
                .as(name)
                .isEqualTo("RuntimeDefault");
        pod.getSpec()
                .getVolumes()
                .forEach(v -> assertThat(v.getHostPath()).as(name + " " + v.getName()).isNull());
        for (Container c : pod.getSpec().getContainers()) {
            assertThat(c.getImage())
                    .as(name)
                    .matches("[^:@]+(:[0-9][A-Za-z0-9._-]*|@sha256:[0-9a-f]{64})");
            assertThat(c.getSecurityContext().getReadOnlyRootFilesystem()).as(name).isTrue();
            assertThat(c.getSecurityContext().getAllowPrivilegeEscalation()).as(name).isFalse();
            assertThat(c.getSecurityContext().getCapabilities().getDrop())
                    .as(name)
                    .containsExactly("ALL");
            assertThat(c.getSecurityContext().getCapabilities().getAdd()).as(name).isEmpty();
            for (String resource : List.of("cpu", "memory", "ephemeral-storage")) {
                assertThat(c.getResources().getRequests()).as(name).containsKey(resource);
                assertThat(c.getResources().getLimits()).as(name).containsKey(resource);
            }
            if (!name.startsWith("Job/")) {
                assertProbe(name, c, c.getStartupProbe(), "liveness");
                assertProbe(name, c, c.getLivenessProbe(), "liveness");
                assertProbe(name, c, c.getReadinessProbe(), "readiness");
                assertThat(c.getLifecycle().getPreStop()).as(name).isNotNull();
            }
        }
    }

    private static void assertProbe(String name, Container c, Probe probe, String service) {
        assertThat(probe).as(name).isNotNull();
        int port = c.getPorts().get(0).getContainerPort();
        if (probe.getGrpc() != null) {
            assertThat(probe.getGrpc().getService()).as(name).isEqualTo(service);
            assertThat(probe.getGrpc().getPort()).as(name).isEqualTo(port);
        } else { // with TLS, which kubelet's gRPC probes do not speak
            assertThat(probe.getHttpGet().getScheme()).as(name).isEqualTo("HTTPS");
            assertThat(probe.getHttpGet().getPort().getIntVal()).as(name).isEqualTo(port);
            assertThat(probe.getHttpGet().getPath())
                    .as(name)
                    .isEqualTo(service.equals("readiness") ? "/q/health/ready" : "/q/health/live");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"overlays/laptop", "overlays/gpu", "overlays/cluster"})
    void everyPodHasTlsAndTokensOrSaysThatItHasNone(String overlay) throws Exception {
        Manifests built = built(overlay);
        for (ConfigMap settings : built.all(ConfigMap.class)) {
            boolean tls = "tls".equals(settings.getData().get("QUARKUS_PROFILE"));
            boolean insecure = "true".equals(settings.getData().get("FORKPOINT_INSECURE"));
            assertThat(tls ^ insecure).as(settings.getMetadata().getName()).isTrue();
            assertThat(settings.getData().values())
                    .as("with TLS, policies travel by it too")
                    .noneMatch(value -> tls && value.contains("http://"));
        }
        if (!overlay.endsWith("laptop")) {
            built.pods()
                    .forEach(
                            (name, pod) ->
                                    assertThat(pod.getSpec().getVolumes())
                                            .as(name)
                                            .anyMatch(
                                                    v ->
                                                            v.getSecret() != null
                                                                    && v.getSecret()
                                                                            .getSecretName()
                                                                            .endsWith("-tls"))
                                            .anyMatch(
                                                    v ->
                                                            v.getSecret() != null
                                                                    && v.getSecret()
                                                                            .getSecretName()
                                                                            .equals(
                                                                                    "forkpoint-token")));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "overlays/laptop",
                "overlays/gpu",
                "overlays/cluster",
                "jobs/quickstart",
                "jobs/quickstart-tls"
            })
    void everyOverlayBuildsAndItsPodsStayClosed(String overlay) throws Exception {
        Manifests built = built(overlay);
        built.pods().forEach(ManifestPolicyTest::assertPod);
        built.pods()
                .forEach(
                        (name, pod) ->
                                assertThat(pod.getMetadata().getLabels())
                                        .as(name)
                                        .containsKeys(
                                                "app.kubernetes.io/name",
                                                COMPONENT,
                                                "app.kubernetes.io/part-of",
                                                "app.kubernetes.io/version"));
        built.all(ServiceAccount.class)
                .forEach(a -> assertThat(a.getAutomountServiceAccountToken()).isFalse());
    }

    @ParameterizedTest
    @ValueSource(strings = {"overlays/laptop", "overlays/gpu", "overlays/cluster"})
    void everyServiceIsHeadlessAndHasABudgetAndAPolicy(String overlay) throws Exception {
        Manifests built = built(overlay);
        built.all(Service.class)
                .forEach(
                        s -> {
                            String name = s.getMetadata().getName();
                            assertThat(s.getSpec().getClusterIP()).as(name).isEqualTo("None");
                            assertThat(built.pods().values())
                                    .as(name + " selects a pod")
                                    .anyMatch(
                                            pod ->
                                                    pod.getMetadata()
                                                            .getLabels()
                                                            .entrySet()
                                                            .containsAll(
                                                                    s.getSpec()
                                                                            .getSelector()
                                                                            .entrySet()));
                        });
        built.pods()
                .forEach(
                        (name, pod) -> {
                            Map<String, String> labels = pod.getMetadata().getLabels();
                            assertThat(built.all(PodDisruptionBudget.class))
                                    .as(name)
                                    .anyMatch(
                                            b ->
                                                    labels.entrySet()
                                                            .containsAll(
                                                                    b.getSpec()
                                                                            .getSelector()
                                                                            .getMatchLabels()
                                                                            .entrySet()));
                            assertThat(built.all(NetworkPolicy.class))
                                    .as(name + " has a policy of its own")
                                    .anyMatch(
                                            p ->
                                                    !labelsOf(p).isEmpty()
                                                            && labels.entrySet()
                                                                    .containsAll(
                                                                            labelsOf(p)
                                                                                    .entrySet()));
                        });
        assertThat(built.all(NetworkPolicy.class))
                .as("everything else is denied")
                .anyMatch(
                        p ->
                                labelsOf(p).isEmpty()
                                        && p.getSpec().getIngress().isEmpty()
                                        && p.getSpec().getEgress().isEmpty()
                                        && p.getSpec()
                                                .getPolicyTypes()
                                                .containsAll(List.of("Ingress", "Egress")));
    }

    private static Map<String, String> labelsOf(NetworkPolicy policy) {
        Map<String, String> labels = policy.getSpec().getPodSelector().getMatchLabels();
        return labels == null ? Map.of() : labels;
    }

    @Test
    void networkAllowsTheArrowsOfTheDesignAndNoOthers() throws Exception {
        Set<String> in = new TreeSet<>();
        Set<String> out = new TreeSet<>();
        for (NetworkPolicy p : Manifests.ofFiles().all(NetworkPolicy.class)) {
            String self = who(labelsOf(p));
            p.getSpec()
                    .getIngress()
                    .forEach(rule -> rule.getFrom().forEach(f -> in.add(who(f) + " -> " + self)));
            p.getSpec()
                    .getEgress()
                    .forEach(rule -> rule.getTo().forEach(t -> out.add(self + " -> " + who(t))));
        }
        in.removeIf(arrow -> arrow.startsWith("monitoring"));
        out.removeIf(arrow -> arrow.endsWith("kube-system"));
        Set<String> services =
                new TreeSet<>(
                        List.of(
                                "client -> rollout",
                                "client -> entropy",
                                "client -> reward",
                                "client -> reward-code",
                                "client -> learner",
                                "learner -> rollout",
                                "learner -> entropy",
                                "learner -> reward",
                                "learner -> reward-code",
                                "rollout -> learner",
                                "entropy -> learner"));
        assertThat(in).isEqualTo(services);
        services.add("rollout -> triton");
        assertThat(out).isEqualTo(services);
    }

    private static String who(NetworkPolicyPeer peer) {
        assertThat(peer.getIpBlock()).isNull();
        if (peer.getNamespaceSelector() != null) {
            return peer.getNamespaceSelector().getMatchLabels().get("kubernetes.io/metadata.name");
        }
        return who(peer.getPodSelector().getMatchLabels());
    }

    private static String who(Map<String, String> labels) {
        return labels.containsKey(CLIENT) ? "client" : labels.getOrDefault(COMPONENT, "all");
    }

    @Test
    void scalersAskForMetricsThatTheServicesExport() throws Exception {
        Set<String> exported = exportedMeters();
        int queries = 0;
        for (JsonNode scaler : Manifests.ofFiles().custom()) {
            for (JsonNode trigger : scaler.path("spec").path("triggers")) {
                Matcher m =
                        Pattern.compile("forkpoint_[a-z_]+")
                                .matcher(trigger.path("metadata").path("query").asText());
                while (m.find()) {
                    assertThat(exported).contains(m.group());
                    queries++;
                }
            }
        }
        assertThat(queries).isGreaterThanOrEqualTo(3);
    }

    @Test
    void pageOfMetricsNamesTheMetersOfTheServices() throws Exception {
        String page = Files.readString(REPOSITORY.resolve("docs/reference/service-metrics.md"));
        Set<String> named = new TreeSet<>();
        Matcher m = Pattern.compile("`(forkpoint_[a-z_]+)").matcher(page);
        while (m.find()) {
            named.add(m.group(1).replaceAll("_(total|seconds)$", ""));
        }
        named.remove("forkpoint_");
        assertThat(named).isEqualTo(new TreeSet<>(exportedMeters()));
    }

    private static Set<String> exportedMeters() throws IOException {
        Set<String> exported = new HashSet<>();
        Pattern meter =
                Pattern.compile("(?:Gauge|Counter|Timer)\\.builder\\(\\s*\"(forkpoint[a-z.]+)\"");
        for (String source : sources()) {
            Matcher m = meter.matcher(source);
            while (m.find()) {
                exported.add(m.group(1).replace('.', '_'));
            }
        }
        return exported;
    }

    @Test
    void configurationKeysAreKeysOfTheServices() throws Exception {
        Manifests built = built("overlays/gpu");
        Set<String> known = knownKeys();
        assertThat(known).contains("FORKPOINT_ROLLOUT_MAX_ROWS");
        for (ConfigMap settings : built.all(ConfigMap.class)) {
            for (String key : settings.getData().keySet()) {
                if (!key.startsWith("QUARKUS_")) {
                    assertThat(known).as(settings.getMetadata().getName()).contains(key);
                }
            }
        }
    }

    /**
     * From the settings' interfaces and injected properties, in the form of environment variables.
     */
    private static Set<String> knownKeys() throws IOException {
        Set<String> keys = new HashSet<>();
        for (String source : sources()) {
            Matcher injected =
                    Pattern.compile("@ConfigProperty\\(\\s*name = \"(forkpoint[^\"]+)\"")
                            .matcher(source);
            while (injected.find()) {
                keys.add(variable(injected.group(1)));
            }
            Matcher mapping =
                    Pattern.compile("@ConfigMapping\\(prefix = \"([^\"]+)\"\\)").matcher(source);
            if (mapping.find()) {
                Matcher method = Pattern.compile("(\\w+)\\(\\);").matcher(source);
                while (method.find()) {
                    String name = method.group(1).replaceAll("([A-Z])", "-$1");
                    keys.add(variable(mapping.group(1) + "." + name));
                }
            }
        }
        return keys;
    }

    /** Of the services and of what they share. */
    private static List<String> sources() throws IOException {
        List<String> out = new ArrayList<>();
        for (String module :
                List.of(
                        "rollout-service",
                        "entropy-service",
                        "reward-service",
                        "learner-service",
                        "service-commons")) {
            try (Stream<Path> files =
                    Files.walk(REPOSITORY.resolve(module).resolve("src/main/java"))) {
                for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
                    out.add(Files.readString(file));
                }
            }
        }
        return out;
    }

    private static String variable(String key) {
        return key.replaceAll("[^A-Za-z0-9]", "_").toUpperCase(Locale.ROOT);
    }
}
