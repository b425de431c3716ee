package dev.forkpoint.learner.run;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.google.protobuf.util.JsonFormat;
import dev.forkpoint.proto.learner.v1.RunSpec;
import java.io.IOException;
import java.util.Map;

/** A resolved specification as YAML: a recipe that repeats the run, versions in its comments. */
final class SpecYaml {

    private static final ObjectMapper YAML =
            new ObjectMapper(
                    YAMLFactory.builder()
                            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
                            .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
                            .build());

    private SpecYaml() {}

    static String write(RunSpec spec, Map<String, String> versions) throws IOException {
        StringBuilder out = new StringBuilder();
        versions.forEach(
                (name, version) ->
                        out.append("# ").append(name).append(": ").append(version).append('\n'));
        return out.append(
                        YAML.writeValueAsString(
                                new ObjectMapper().readTree(JsonFormat.printer().print(spec))))
                .toString();
    }
}
