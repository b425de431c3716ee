package dev.forkpoint.load.k8s;

import com.fasterxml.jackson.databind.BeanDescription;
import com.fasterxml.jackson.databind.DeserializationConfig;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.deser.BeanDeserializerBuilder;
import com.fasterxml.jackson.databind.deser.BeanDeserializerModifier;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Objects of k8s/, parsed by the Kubernetes API's types, where a field that they lack fails. */
record Manifests(List<HasMetadata> objects, List<JsonNode> custom) {

    static final Path ROOT = Path.of("..", "k8s").toAbsolutePath().normalize();

    private static final Map<String, Class<? extends HasMetadata>> TYPES =
            Map.of(
                    "v1/ConfigMap", ConfigMap.class,
                    "v1/Namespace", Namespace.class,
                    "v1/Service", Service.class,
                    "v1/ServiceAccount", ServiceAccount.class,
                    "apps/v1/Deployment", Deployment.class,
                    "apps/v1/StatefulSet", StatefulSet.class,
                    "batch/v1/Job", Job.class,
                    "networking.k8s.io/v1/NetworkPolicy", NetworkPolicy.class,
                    "policy/v1/PodDisruptionBudget", PodDisruptionBudget.class);

    /** Fields of the custom resources that we use, since their types are no part of the API. */
    private static final Map<String, List<String>> CUSTOM_SPECS =
            Map.of(
                    "keda.sh/v1alpha1/ScaledObject",
                    List.of(
                            "scaleTargetRef",
                            "minReplicaCount",
                            "maxReplicaCount",
                            "pollingInterval",
                            "cooldownPeriod",
                            "advanced",
                            "triggers"),
                    "monitoring.coreos.com/v1/ServiceMonitor",
                    List.of("selector", "endpoints", "namespaceSelector", "jobLabel"));

    private static final YAMLMapper YAML = strict();

    private static YAMLMapper strict() {
        YAMLMapper mapper = new YAMLMapper();
        mapper.enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
        mapper.registerModule(
                new SimpleModule()
                        .setDeserializerModifier(
                                new BeanDeserializerModifier() {
                                    @Override
                                    @SuppressWarnings("NullAway")
                                    public BeanDeserializerBuilder updateBuilder(
                                            DeserializationConfig config,
                                            BeanDescription type,
                                            BeanDeserializerBuilder builder) {
                                        // the types would swallow what they do not know
                                        builder.setAnySetter(null);
                                        return builder;
                                    }
                                }));
        return mapper;
    }

    static Manifests parse(String yaml) throws IOException {
        Manifests out = new Manifests(new ArrayList<>(), new ArrayList<>());
        try (MappingIterator<JsonNode> documents =
                YAML.readerFor(JsonNode.class).readValues(yaml)) {
            while (documents.hasNext()) {
                out.add(documents.next());
            }
        }
        return out;
    }

    private void add(JsonNode document) throws IOException {
        String type = document.path("apiVersion").asText() + "/" + document.path("kind").asText();
        Class<? extends HasMetadata> known = TYPES.get(type);
        List<String> fields = CUSTOM_SPECS.get(type);
        if (known != null) {
            objects.add(YAML.treeToValue(document, known));
        } else if (fields != null) {
            document.path("spec")
                    .fieldNames()
                    .forEachRemaining(
                            name -> {
                                if (!fields.contains(name)) {
                                    throw new IllegalArgumentException(type + ": spec." + name);
                                }
                            });
            custom.add(document);
        } else {
            throw new IllegalArgumentException("unknown type " + type);
        }
    }

    /** Every file of k8s/ that is no kustomization. */
    static Manifests ofFiles() throws IOException {
        Manifests out = new Manifests(new ArrayList<>(), new ArrayList<>());
        try (Stream<Path> files = Files.walk(ROOT)) {
            for (Path file :
                    files.filter(f -> f.toString().endsWith(".yaml"))
                            .filter(f -> !f.endsWith("kustomization.yaml"))
                            .sorted()
                            .toList()) {
                Manifests one;
                try {
                    one = parse(Files.readString(file));
                } catch (IOException | IllegalArgumentException e) {
                    throw new IOException(ROOT.relativize(file) + ": " + e.getMessage(), e);
                }
                out.objects.addAll(one.objects);
                out.custom.addAll(one.custom);
            }
        }
        return out;
    }

    /** What {@code kubectl kustomize} makes of a folder of k8s/. */
    static Manifests ofKustomization(String folder) throws IOException, InterruptedException {
        Process kubectl =
                new ProcessBuilder("kubectl", "kustomize", ROOT.resolve(folder).toString())
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        String yaml = new String(kubectl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!kubectl.waitFor(60, TimeUnit.SECONDS) || kubectl.exitValue() != 0) {
            throw new IOException("kubectl kustomize k8s/" + folder + " failed");
        }
        return parse(yaml);
    }

    static boolean kubectlIsThere() {
        try {
            Process kubectl =
                    new ProcessBuilder("kubectl", "kustomize", "--help")
                            .redirectErrorStream(true)
                            .start();
            kubectl.getInputStream().readAllBytes();
            return kubectl.waitFor() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    <T extends HasMetadata> List<T> all(Class<T> type) {
        return objects.stream().filter(type::isInstance).map(type::cast).toList();
    }

    /** Templates of all pods, by kind and name of what makes them. */
    Map<String, PodTemplateSpec> pods() {
        Map<String, PodTemplateSpec> out = new LinkedHashMap<>();
        all(Deployment.class)
                .forEach(
                        d ->
                                out.put(
                                        "Deployment/" + d.getMetadata().getName(),
                                        d.getSpec().getTemplate()));
        all(StatefulSet.class)
                .forEach(
                        s ->
                                out.put(
                                        "StatefulSet/" + s.getMetadata().getName(),
                                        s.getSpec().getTemplate()));
        all(Job.class)
                .forEach(
                        j ->
                                out.put(
                                        "Job/" + j.getMetadata().getName(),
                                        j.getSpec().getTemplate()));
        return out;
    }
}
