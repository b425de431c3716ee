package dev.forkpoint.service.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.rpc.Code;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.security.PeerSecurity;
import io.grpc.Context;
import io.grpc.Deadline;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Turns the URI of a snapshot into a local folder. Only URIs under the allow-list are read; links
 * and `..` are resolved before they are compared. What comes by HTTP is checked file by file
 * against the manifest, and lies in the cache under the manifest's hash.
 */
@ApplicationScoped
public class SnapshotSource {

    private static final String MANIFEST = "forkpoint_manifest.json";
    private static final long MANIFEST_LIMIT_BYTES = 1 << 20;
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Whatever a model takes to come, it comes; a server that falls silent is given up. */
    private static final Duration FILE_LIMIT = Duration.ofMinutes(10);

    private final List<String> allowed;
    private final Path cache;
    private final int cacheKeep;
    private final Duration fileLimit;
    private final HttpClient http = client(Optional.empty());
    private final HttpClient peers;
    private final List<String> peerUris;
    private final PeerSecurity security;

    /**
     * @param allowed prefixes of URIs that may be read: {@code file:/dir/} or {@code
     *     https://host/path/}; none: nothing may
     * @param cache folder for what was downloaded
     * @param cacheKeep newest snapshots that stay in the cache, at least 2: an adapter and its base
     * @param peerUris prefixes of URIs that peers serve, who are shown the token and need the
     *     peers' certificates; other servers are not shown it
     */
    @Inject
    public SnapshotSource(
            @ConfigProperty(name = "forkpoint.policy.allowed-uris") Optional<List<String>> allowed,
            @ConfigProperty(name = "forkpoint.policy.cache-dir") Optional<Path> cache,
            @ConfigProperty(name = "forkpoint.policy.cache-keep", defaultValue = "4") int cacheKeep,
            @ConfigProperty(name = "forkpoint.peers.policy-uris") Optional<List<String>> peerUris,
            PeerSecurity security) {
        this(allowed, cache, cacheKeep, FILE_LIMIT, peerUris, security);
    }

    SnapshotSource(
            Optional<List<String>> allowed,
            Optional<Path> cache,
            int cacheKeep,
            Duration fileLimit,
            Optional<List<String>> peerUris,
            PeerSecurity security) {
        if (cacheKeep < 2) {
            throw new IllegalArgumentException(
                    "forkpoint.policy.cache-keep: "
                            + cacheKeep
                            + " (expected: at least 2, an adapter and its base)");
        }
        this.cacheKeep = cacheKeep;
        this.fileLimit = fileLimit;
        this.allowed = prefixes("forkpoint.policy.allowed-uris", allowed);
        this.peerUris = prefixes("forkpoint.peers.policy-uris", peerUris);
        this.security = security;
        peers = client(security.sslContext());
        this.cache =
                cache.orElseGet(
                        () -> Path.of(System.getProperty("java.io.tmpdir"), "forkpoint-policies"));
    }

    /**
     * With a slash at its end, so that {@code …/policies} does not allow {@code …/policies-old}.
     */
    private static List<String> prefixes(String key, Optional<List<String>> texts) {
        return texts.orElse(List.of()).stream().map(text -> prefix(key, text)).toList();
    }

    private static HttpClient client(Optional<SSLContext> trusted) {
        HttpClient.Builder client =
                HttpClient.newBuilder()
                        .connectTimeout(Duration.ofSeconds(10))
                        .followRedirects(HttpClient.Redirect.NEVER);
        trusted.ifPresent(client::sslContext);
        return client.build();
    }

    private static String prefix(String key, String text) {
        String prefix = text.strip();
        if (!prefix.matches("(file:/|https?://[^/?#]).*")) {
            throw new IllegalArgumentException(
                    key + ": \"" + text + "\" (expected: file:/folder/ or https://host/path/)");
        }
        return prefix.endsWith("/") ? prefix : prefix + "/";
    }

    /** The snapshot's files on this machine. */
    public PolicyFiles fetch(PolicySnapshot snapshot) {
        if (!snapshot.getPolicyId().matches("[A-Za-z0-9._-]{1,128}")) {
            throw ServiceException.invalidField(
                    "policy.policy_id",
                    '"' + snapshot.getPolicyId() + '"',
                    "1 to 128 characters of [A-Za-z0-9._-]");
        }
        if (snapshot.getVersion() < 0) {
            throw ServiceException.invalidField(
                    "policy.version",
                    Long.toUnsignedString(snapshot.getVersion()),
                    "at most " + Long.MAX_VALUE);
        }
        Path own = fetch("policy.uri", snapshot.getUri(), snapshot.getManifestSha256());
        return snapshot.getBaseUri().isEmpty()
                ? PolicyFiles.of(own)
                : new PolicyFiles(
                        fetch("policy.base_uri", snapshot.getBaseUri(), ""), Optional.of(own));
    }

    /**
     * @param field name of the field in messages
     * @param manifestSha256 64 hex digits, or empty when any manifest will do
     */
    public Path fetch(String field, String text, String manifestSha256) {
        URI uri;
        try {
            uri = new URI(text);
        } catch (URISyntaxException e) {
            throw ServiceException.invalidField(field, '"' + text + '"', "a file: or https: URI");
        }
        try {
            if ("file".equals(uri.getScheme())) {
                Path directory = local(field, uri);
                checkManifest(field, directory.resolve(MANIFEST), manifestSha256);
                return directory;
            }
            if ("https".equals(uri.getScheme()) || "http".equals(uri.getScheme())) {
                return download(field, uri, manifestSha256);
            }
        } catch (IOException e) {
            throw new ServiceException(
                    Code.FAILED_PRECONDITION,
                    "POLICY_INVALID",
                    field + ": " + text + " cannot be read: " + e.getMessage(),
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ServiceException(Code.CANCELLED, "CANCELLED", field + ": interrupted", e);
        }
        throw ServiceException.invalidField(field, '"' + text + '"', "a file: or https: URI");
    }

    private Path local(String field, URI uri) throws IOException {
        Path path;
        try {
            path = Path.of(uri);
        } catch (IllegalArgumentException e) {
            throw ServiceException.invalidField(
                    field, '"' + uri.toString() + '"', "file:/absolute/path");
        }
        if (!Files.isDirectory(path)) {
            // whether it exists is told only of what may be read
            refuseUnlessUnder(field, path.toAbsolutePath().normalize(), uri);
            throw new ServiceException(
                    Code.FAILED_PRECONDITION,
                    "POLICY_INVALID",
                    field + ": " + uri + " is not a folder");
        }
        Path real = path.toRealPath();
        refuseUnlessUnder(field, real, uri);
        return real;
    }

    private void refuseUnlessUnder(String field, Path path, URI uri) throws IOException {
        for (String prefix : allowed) {
            if (prefix.startsWith("file:")) {
                Path root = Path.of(URI.create(prefix));
                if (path.startsWith(Files.exists(root) ? root.toRealPath() : root.normalize())) {
                    return;
                }
            }
        }
        throw notAllowed(field, uri);
    }

    private ServiceException notAllowed(String field, URI uri) {
        return new ServiceException(
                Code.PERMISSION_DENIED,
                "URI_NOT_ALLOWED",
                field + ": " + uri + " is not under forkpoint.policy.allowed-uris " + allowed);
    }

    private static void checkManifest(String field, Path manifest, String expected)
            throws IOException {
        if (expected.isEmpty()) {
            return;
        }
        String found =
                Files.exists(manifest) ? sha256(Files.readAllBytes(manifest)) : "no manifest";
        if (!found.equals(expected)) {
            throw new ServiceException(
                    Code.FAILED_PRECONDITION,
                    "POLICY_INVALID",
                    field + ": manifest SHA-256 " + found + " (expected: " + expected + ")");
        }
    }

    private Path download(String field, URI uri, String expected)
            throws IOException, InterruptedException {
        URI folder = uri.toString().endsWith("/") ? uri : URI.create(uri + "/");
        folder = folder.normalize();
        String text = folder.toString();
        if (folder.getRawPath().contains("..")
                || folder.getRawPath().contains("%")
                || allowed.stream().noneMatch(p -> p.startsWith("http") && text.startsWith(p))) {
            throw notAllowed(field, uri);
        }
        Files.createDirectories(cache);
        Path part = Files.createTempDirectory(cache, ".part");
        try {
            Path manifest = get(folder, MANIFEST, part);
            if (Files.size(manifest) > MANIFEST_LIMIT_BYTES) {
                throw new IOException(MANIFEST + " is larger than 1 MiB");
            }
            byte[] content = Files.readAllBytes(manifest);
            String hash = sha256(content);
            if (!expected.isEmpty() && !expected.equals(hash)) {
                throw new ServiceException(
                        Code.FAILED_PRECONDITION,
                        "POLICY_INVALID",
                        field + ": manifest SHA-256 " + hash + " (expected: " + expected + ")");
            }
            Path done = cache.resolve(hash);
            if (!Files.isDirectory(done)) {
                getFiles(folder, JSON.readTree(content).path("files"), part);
                move(part, done);
                forgetOld(done);
            } else { // in use, so the last to be forgotten: the base of many adapters, say
                Files.setLastModifiedTime(done, FileTime.from(Instant.now()));
            }
            return done;
        } finally {
            delete(part);
        }
    }

    private void getFiles(URI folder, JsonNode files, Path part)
            throws IOException, InterruptedException {
        for (Map.Entry<String, JsonNode> file : files.properties()) {
            String name = file.getKey();
            if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]*")) {
                throw new IOException("manifest: file name " + name);
            }
            MessageDigest digest = digest();
            try (InputStream in =
                    new DigestInputStream(Files.newInputStream(get(folder, name, part)), digest)) {
                in.transferTo(OutputStream.nullOutputStream());
            }
            String found = HexFormat.of().formatHex(digest.digest());
            String wanted = file.getValue().path("sha256").asText();
            if (!found.equals(wanted)) {
                throw new IOException(name + ": SHA-256 " + found + " (expected: " + wanted + ")");
            }
        }
    }

    private static void move(Path part, Path done) throws IOException {
        try {
            Files.move(part, done, StandardCopyOption.ATOMIC_MOVE);
        } catch (FileSystemException e) {
            if (!Files.isDirectory(done)) { // else another thread was faster, with the same files
                throw e;
            }
        }
    }

    /** A training run publishes a snapshot a step: a cache that only grows would fill the disk. */
    private void forgetOld(Path newest) throws IOException {
        List<Path> snapshots;
        try (Stream<Path> entries = Files.list(cache)) {
            snapshots =
                    entries.filter(p -> !p.getFileName().toString().startsWith("."))
                            .filter(p -> !p.equals(newest))
                            .sorted(
                                    Comparator.comparingLong((Path p) -> p.toFile().lastModified())
                                            .reversed())
                            .toList();
        }
        for (Path old :
                snapshots.subList(Math.min(cacheKeep - 1, snapshots.size()), snapshots.size())) {
            delete(old);
        }
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.deleteIfExists(file);
            }
        }
        Files.deleteIfExists(folder);
    }

    /** Downloads one file, headers and body within the limit. */
    private Path get(URI folder, String name, Path into) throws IOException, InterruptedException {
        URI uri = folder.resolve(name);
        boolean ofPeer = peerUris.stream().anyMatch(uri.toString()::startsWith);
        HttpRequest.Builder request = HttpRequest.newBuilder(uri);
        if (ofPeer) {
            security.authorization().ifPresent(shown -> request.header("authorization", shown));
        }
        CompletableFuture<HttpResponse<Path>> exchange =
                (ofPeer ? peers : http)
                        .sendAsync(
                                request.build(),
                                info ->
                                        info.statusCode() == 200
                                                ? HttpResponse.BodySubscribers.ofFile(
                                                        into.resolve(name))
                                                : HttpResponse.BodySubscribers.replacing(into));
        try {
            long limitMs = fileLimit.toMillis();
            Deadline callers = Context.current().getDeadline();
            if (callers != null) { // nobody waits for the file after that
                limitMs = Math.min(limitMs, callers.timeRemaining(TimeUnit.MILLISECONDS));
            }
            HttpResponse<Path> response = exchange.get(limitMs, TimeUnit.MILLISECONDS);
            if (response.statusCode() != 200) {
                throw new IOException(uri + ": HTTP status " + response.statusCode());
            }
            return response.body();
        } catch (TimeoutException e) {
            throw new IOException(
                    uri + ": not there after " + fileLimit.toSeconds() + " s, or at the deadline",
                    e);
        } catch (ExecutionException e) {
            throw new IOException(uri + ": " + e.getCause(), e.getCause());
        } finally {
            exchange.cancel(true);
        }
    }

    private static String sha256(byte[] bytes) {
        return HexFormat.of().formatHex(digest().digest(bytes));
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
