package dev.forkpoint.reward.grpc;

import com.google.protobuf.ListValue;
import com.google.protobuf.NullValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Struct messages as maps of plain values, and back. Null values are left out. */
final class Structs {

    private Structs() {}

    static Map<String, Object> map(Struct struct) {
        Map<String, Object> out = new HashMap<>();
        struct.getFieldsMap()
                .forEach(
                        (name, value) -> {
                            Object plain = plain(value);
                            if (plain != null) {
                                out.put(name, plain);
                            }
                        });
        return out;
    }

    private static @Nullable Object plain(Value value) {
        return switch (value.getKindCase()) {
            case NUMBER_VALUE -> value.getNumberValue();
            case STRING_VALUE -> value.getStringValue();
            case BOOL_VALUE -> value.getBoolValue();
            case STRUCT_VALUE -> map(value.getStructValue());
            case LIST_VALUE -> {
                List<Object> list = new ArrayList<>();
                for (Value v : value.getListValue().getValuesList()) {
                    Object plain = plain(v);
                    if (plain != null) {
                        list.add(plain);
                    }
                }
                yield list;
            }
            case NULL_VALUE, KIND_NOT_SET -> null;
        };
    }

    static Struct struct(Map<String, Object> map) {
        Struct.Builder out = Struct.newBuilder();
        map.forEach((name, value) -> out.putFields(name, value(value)));
        return out.build();
    }

    private static Value value(@Nullable Object plain) {
        Value.Builder out = Value.newBuilder();
        if (plain instanceof Number n) {
            out.setNumberValue(n.doubleValue());
        } else if (plain instanceof Boolean b) {
            out.setBoolValue(b);
        } else if (plain instanceof List<?> list) {
            ListValue.Builder values = ListValue.newBuilder();
            list.forEach(v -> values.addValues(value(v)));
            out.setListValue(values);
        } else if (plain instanceof Map<?, ?> map) {
            Struct.Builder struct = Struct.newBuilder();
            map.forEach((k, v) -> struct.putFields(String.valueOf(k), value(v)));
            out.setStructValue(struct);
        } else if (plain == null) {
            out.setNullValue(NullValue.NULL_VALUE);
        } else {
            out.setStringValue(plain.toString());
        }
        return out.build();
    }
}
