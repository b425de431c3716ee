package dev.forkpoint.reward.verifier;

import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The verifiers of a process, by name. */
public final class VerifierRegistry {
    private final SortedMap<String, Verifier> byName = new TreeMap<>();
    private final Map<String, Set<String>> options = new HashMap<>();

    /**
     * @throws IllegalArgumentException if two verifiers have one name
     */
    public VerifierRegistry(Collection<Verifier> verifiers) {
        for (Verifier verifier : verifiers) {
            options.put(
                    verifier.name(),
                    verifier.options().stream().map(OptionSpec::name).collect(Collectors.toSet()));
            if (byName.put(verifier.name(), verifier) != null) {
                throw new IllegalArgumentException(
                        "verifiers: \"%s\" twice (allowed: once)".formatted(verifier.name()));
            }
        }
    }

    /** All verifiers in the order of their names. */
    public Collection<Verifier> all() {
        return Collections.unmodifiableCollection(byName.values());
    }

    /**
     * @throws UnknownNameException if there is none of that name
     */
    public Verifier get(String name) {
        Verifier verifier = byName.get(name);
        if (verifier == null) {
            throw new UnknownNameException("verifier", name, byName.keySet());
        }
        return verifier;
    }

    /**
     * Verifies an item after its options have been checked for unknown names.
     *
     * @throws UnknownNameException if there is no such verifier
     * @throws InvalidItemException if a field or option is missing, unknown or out of range
     */
    public Verdict verify(String name, Item item) {
        Verifier verifier = get(name);
        item.options().requireOnly(options.getOrDefault(name, Set.of()));
        if (verifier.needsGold()) {
            item.requireGold();
        }
        return verifier.verify(item);
    }
}
