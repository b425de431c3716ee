package dev.forkpoint.learner.run;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import com.google.protobuf.util.Timestamps;
import dev.forkpoint.proto.learner.v1.WatchRunResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jboss.logging.Logger;

/**
 * The events of a run: appended to events.jsonl, one a line, and told to whoever watches. Progress
 * is told but not stored. Thread-safe.
 */
public final class EventLog {

    private static final Logger LOG = Logger.getLogger(EventLog.class);

    /** Hears of events in order; must not block. */
    public interface Watcher {
        void event(WatchRunResponse event);

        /** No more events will come. */
        void end();
    }

    private final Path file;
    private final List<WatchRunResponse> stored = new ArrayList<>();
    private final List<Watcher> watchers = new CopyOnWriteArrayList<>();
    private boolean ended;

    /** Goes on with the events in the file; a torn last line is dropped. */
    public EventLog(Path file) throws IOException {
        this.file = file;
        if (Files.exists(file)) {
            for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
                WatchRunResponse.Builder event = WatchRunResponse.newBuilder();
                try {
                    JsonFormat.parser().ignoringUnknownFields().merge(line, event);
                    stored.add(event.build());
                } catch (InvalidProtocolBufferException e) {
                    LOG.warnf("event line dropped in %s", file);
                }
            }
            rewrite();
        }
    }

    private void rewrite() throws IOException {
        StringBuilder all = new StringBuilder();
        for (WatchRunResponse event : stored) {
            all.append(line(event));
        }
        Files.writeString(file, all);
    }

    private static String line(WatchRunResponse event) throws InvalidProtocolBufferException {
        return JsonFormat.printer().omittingInsignificantWhitespace().print(event) + "\n";
    }

    /** Keeps only the events that the predicate wants (a resumed run forgets steps it repeats). */
    synchronized void retain(java.util.function.Predicate<WatchRunResponse> wanted)
            throws IOException {
        List<WatchRunResponse> kept = stored.stream().filter(wanted).toList();
        stored.clear();
        for (WatchRunResponse event : kept) {
            stored.add(event.toBuilder().setSequence(stored.size() + 1L).build());
        }
        rewrite();
    }

    /** Stores and tells. */
    synchronized void add(WatchRunResponse.Builder event) {
        WatchRunResponse complete =
                event.setSequence(stored.size() + 1L).setTime(Timestamps.now()).build();
        try {
            Files.writeString(
                    file, line(complete), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        stored.add(complete);
        watchers.forEach(w -> w.event(complete));
    }

    /** Tells only. */
    synchronized void tell(WatchRunResponse.Builder event) {
        WatchRunResponse complete = event.setTime(Timestamps.now()).build();
        watchers.forEach(w -> w.event(complete));
    }

    /** Ends every watch. */
    synchronized void end() {
        ended = true;
        watchers.forEach(Watcher::end);
        watchers.clear();
    }

    /** Events from the given number on, now and as they come. */
    public synchronized void watch(long from, Watcher watcher) {
        for (WatchRunResponse event : stored) {
            if (event.getSequence() >= from) {
                watcher.event(event);
            }
        }
        if (ended) {
            watcher.end();
        } else {
            watchers.add(watcher);
        }
    }

    public void unwatch(Watcher watcher) {
        watchers.remove(watcher);
    }

    /** What is stored. */
    public synchronized List<WatchRunResponse> stored() {
        return List.copyOf(stored);
    }
}
