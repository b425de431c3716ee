package dev.forkpoint.policy.decoder;

import dev.forkpoint.policy.ModelConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where each tensor of a Hugging Face checkpoint lies in the one flat array that decoder.py works
 * on (see {@code views} there).
 */
public final class Parameters {

    /**
     * One tensor.
     *
     * @param name its Hugging Face name
     * @param begin first element in the flat array
     * @param shape one or two dimensions
     * @param rotary rows of one head when rows are stored in rotary pairs, else 0
     * @param group {@code embedding}, {@code layer.N}, {@code norm} or {@code head}
     */
    public record Parameter(String name, long begin, long[] shape, int rotary, String group) {

        public long size() {
            return shape.length == 1 ? shape[0] : shape[0] * shape[1];
        }

        public boolean matrix() {
            return shape.length == 2;
        }

        public long columns() {
            return matrix() ? shape[1] : 1;
        }
    }

    private final Map<String, Parameter> byName = new LinkedHashMap<>();
    private long size;

    private Parameters() {}

    public static Parameters of(ModelConfig c) {
        Parameters p = new Parameters();
        long h = c.hiddenSize();
        int d = c.headDimension();
        long queries = (long) c.attentionHeads() * d;
        long keys = (long) c.keyValueHeads() * d;
        for (int i = 0; i < c.layers(); i++) {
            String at = "model.layers." + i + ".";
            String group = "layer." + i;
            p.add(at + "input_layernorm.weight", 0, group, h);
            p.add(at + "self_attn.q_proj.weight", d, group, queries, h);
            p.add(at + "self_attn.k_proj.weight", d, group, keys, h);
            p.add(at + "self_attn.v_proj.weight", 0, group, keys, h);
            if (c.attentionBias()) {
                p.add(at + "self_attn.q_proj.bias", d, group, queries);
                p.add(at + "self_attn.k_proj.bias", d, group, keys);
                p.add(at + "self_attn.v_proj.bias", 0, group, keys);
            }
            if (c.queryKeyNorm()) {
                p.add(at + "self_attn.q_norm.weight", d, group, d);
                p.add(at + "self_attn.k_norm.weight", d, group, d);
            }
            p.add(at + "self_attn.o_proj.weight", 0, group, h, queries);
            p.add(at + "post_attention_layernorm.weight", 0, group, h);
            p.add(at + "mlp.gate_proj.weight", 0, group, c.intermediateSize(), h);
            p.add(at + "mlp.up_proj.weight", 0, group, c.intermediateSize(), h);
            p.add(at + "mlp.down_proj.weight", 0, group, h, c.intermediateSize());
        }
        p.add("model.norm.weight", 0, "norm", h);
        p.add("model.embed_tokens.weight", 0, "embedding", c.vocabularySize(), h);
        if (!c.tiedEmbeddings()) {
            p.add("lm_head.weight", 0, "head", c.vocabularySize(), h);
        }
        return p;
    }

    private void add(String name, int rotary, String group, long... shape) {
        Parameter p = new Parameter(name, size, shape, rotary, group);
        byName.put(name, p);
        size = Math.addExact(size, p.size());
    }

    /** All tensors, in the order of the flat array. */
    public List<Parameter> all() {
        return new ArrayList<>(byName.values());
    }

    /** The tensor of that name. */
    public Parameter get(String name) {
        Parameter p = byName.get(name);
        if (p == null) {
            throw new IllegalArgumentException(
                    "parameter: " + name + " (expected: any of " + byName.keySet() + ")");
        }
        return p;
    }

    public boolean has(String name) {
        return byName.containsKey(name);
    }

    /** Elements of the flat array. */
    public long size() {
        return size;
    }

    /** What decoder.py calls dims. */
    public static long[] dims(ModelConfig c) {
        return new long[] {
            c.vocabularySize(),
            c.hiddenSize(),
            c.layers(),
            c.attentionHeads(),
            c.keyValueHeads(),
            c.headDimension(),
            c.intermediateSize(),
            c.tiedEmbeddings() ? 1 : 0,
            c.attentionBias() ? 1 : 0,
            c.queryKeyNorm() ? 1 : 0
        };
    }
}
