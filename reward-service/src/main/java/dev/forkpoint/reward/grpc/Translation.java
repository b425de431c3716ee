package dev.forkpoint.reward.grpc;

import com.google.common.primitives.Ints;
import com.google.protobuf.ListValue;
import com.google.protobuf.NullValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.rpc.Code;
import dev.forkpoint.proto.reward.v1.OptionInfo;
import dev.forkpoint.proto.reward.v1.PredictionForm;
import dev.forkpoint.proto.reward.v1.Problem;
import dev.forkpoint.proto.reward.v1.Verification;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.reward.verifier.Fields;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.RewardPart;
import dev.forkpoint.reward.verifier.UnavailableException;
import dev.forkpoint.reward.verifier.UnknownNameException;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.VerdictCode;
import dev.forkpoint.service.error.ServiceException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Messages to domain records and back. */
final class Translation {
    private Translation() {}

    static Item item(VerifyItem message) {
        return new Item(
                // An absent gold and an empty one are the same on the wire: both are
                // UNPARSABLE_GOLD.
                message.getGold(),
                message.getPrediction(),
                form(message.getForm()),
                Ints.toArray(message.getTokenIdsList()),
                fields("task", message.getTask()),
                fields("options", message.getOptions()),
                message.getTruncated());
    }

    private static Item.Form form(PredictionForm form) {
        return switch (form) {
            case PREDICTION_FORM_UNSPECIFIED, PREDICTION_FORM_RESPONSE -> Item.Form.RESPONSE;
            case PREDICTION_FORM_ANSWER -> Item.Form.ANSWER;
            case UNRECOGNIZED ->
                    throw new InvalidItemException("form", "unknown value (allowed: 0 to 2)");
        };
    }

    static Fields fields(String path, Struct struct) {
        return Fields.of(path, map(struct));
    }

    private static Map<String, Object> map(Struct struct) {
        Map<String, Object> map = new HashMap<>();
        struct.getFieldsMap()
                .forEach(
                        (key, value) -> {
                            if (value.getKindCase() != Value.KindCase.NULL_VALUE) {
                                map.put(key, object(value));
                            }
                        });
        return map;
    }

    private static Object object(Value value) {
        return switch (value.getKindCase()) {
            case NUMBER_VALUE -> value.getNumberValue();
            case STRING_VALUE -> value.getStringValue();
            case BOOL_VALUE -> value.getBoolValue();
            case STRUCT_VALUE -> map(value.getStructValue());
            case LIST_VALUE -> {
                List<Object> list = new ArrayList<>();
                value.getListValue().getValuesList().forEach(element -> list.add(object(element)));
                yield list;
            }
            case NULL_VALUE, KIND_NOT_SET -> "null";
        };
    }

    static Struct struct(Map<String, Object> map) {
        Struct.Builder struct = Struct.newBuilder();
        map.forEach((key, value) -> struct.putFields(key, value(value)));
        return struct.build();
    }

    private static Value value(Object object) {
        Value.Builder value = Value.newBuilder();
        if (object instanceof Number number) {
            return value.setNumberValue(number.doubleValue()).build();
        } else if (object instanceof Boolean flag) {
            return value.setBoolValue(flag).build();
        } else if (object instanceof List<?> list) {
            ListValue.Builder values = ListValue.newBuilder();
            list.forEach(element -> values.addValues(value(element)));
            return value.setListValue(values).build();
        } else if (object instanceof String text) {
            return value.setStringValue(text).build();
        }
        return value.setNullValue(NullValue.NULL_VALUE).build();
    }

    static Verification verification(Verdict verdict, long micros) {
        Verification.Builder message =
                Verification.newBuilder()
                        .setVerdict(verdict(verdict.code()))
                        .setExtracted(verdict.extracted())
                        .setReason(verdict.reason())
                        .setProbabilistic(verdict.probabilistic())
                        .setMicros(micros);
        verdict.reward().ifPresent(message::setReward);
        for (RewardPart part : verdict.parts()) {
            dev.forkpoint.proto.reward.v1.RewardPart.Builder out =
                    message.addPartsBuilder()
                            .setVerifier(part.verifier())
                            .setWeight(part.weight())
                            .setVerdict(verdict(part.verdict().code()));
            part.reward().ifPresent(out::setReward);
        }
        return message.build();
    }

    private static dev.forkpoint.proto.reward.v1.Verdict verdict(VerdictCode code) {
        return switch (code) {
            case CORRECT -> dev.forkpoint.proto.reward.v1.Verdict.VERDICT_CORRECT;
            case INCORRECT -> dev.forkpoint.proto.reward.v1.Verdict.VERDICT_INCORRECT;
            case NO_ANSWER -> dev.forkpoint.proto.reward.v1.Verdict.VERDICT_NO_ANSWER;
            case UNPARSABLE_ANSWER ->
                    dev.forkpoint.proto.reward.v1.Verdict.VERDICT_UNPARSABLE_ANSWER;
            case UNPARSABLE_GOLD -> dev.forkpoint.proto.reward.v1.Verdict.VERDICT_UNPARSABLE_GOLD;
            case TOO_COSTLY -> dev.forkpoint.proto.reward.v1.Verdict.VERDICT_TOO_COSTLY;
        };
    }

    static Problem problem(dev.forkpoint.reward.verifier.Problem problem) {
        Problem.Builder message =
                Problem.newBuilder()
                        .setIndex(problem.index())
                        .setPrompt(problem.prompt())
                        .setGold(problem.gold())
                        .setTask(struct(problem.task()))
                        .setVerifier(problem.verifier());
        if (problem.demonstration() != null) {
            message.setDemonstration(problem.demonstration());
        }
        return message.build();
    }

    static List<OptionInfo> options(List<OptionSpec> options) {
        return options.stream()
                .map(
                        option ->
                                OptionInfo.newBuilder()
                                        .setName(option.name())
                                        .setSummary(option.summary())
                                        .build())
                .toList();
    }

    /** Domain exceptions as the failures of the contract's error table. */
    static RuntimeException failure(RuntimeException e) {
        if (e instanceof InvalidItemException invalid) {
            return ServiceException.invalidFields(
                    "INVALID_FIELD",
                    List.of(
                            new ServiceException.FieldViolation(
                                    invalid.field(), invalid.problem())));
        }
        if (e instanceof UnknownNameException unknown) {
            String reason = unknown.field().equals("task") ? "UNKNOWN_TASK" : "UNKNOWN_VERIFIER";
            return new ServiceException(Code.NOT_FOUND, reason, String.valueOf(e.getMessage()));
        }
        if (e instanceof UnavailableException unavailable) {
            return new ServiceException(
                    Code.UNAVAILABLE, unavailable.reason(), String.valueOf(e.getMessage()));
        }
        return e;
    }
}
