package dev.forkpoint.reward.verifier;

import java.util.Collection;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/** The task families of a process, by name. */
public final class TaskRegistry {
    private final SortedMap<String, TaskFamily> byName = new TreeMap<>();

    /**
     * @throws IllegalArgumentException if two families have one name
     */
    public TaskRegistry(Collection<TaskFamily> families) {
        for (TaskFamily family : families) {
            if (byName.put(family.name(), family) != null) {
                throw new IllegalArgumentException(
                        "families: \"%s\" twice (allowed: once)".formatted(family.name()));
            }
        }
    }

    /** All families in the order of their names. */
    public Collection<TaskFamily> all() {
        return Collections.unmodifiableCollection(byName.values());
    }

    /**
     * @throws UnknownNameException if there is none of that name
     */
    public TaskFamily get(String name) {
        TaskFamily family = byName.get(name);
        if (family == null) {
            throw new UnknownNameException("task", name, byName.keySet());
        }
        return family;
    }
}
