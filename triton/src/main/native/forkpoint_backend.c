/*
 * libtriton_forkpoint.so - a Triton backend whose model code is Java in the SAME process.
 *
 * Triton dlopen()s this file and calls the TRITONBACKEND_* entry points below. Each of them does nothing but cross
 * into one static Java method of dev.forkpoint.triton.JvmBackend:
 *
 *     static String onEvent(int event, long handle)                     model / instance lifecycle
 *     static String onExecute(long instance, long requests, int count)  one scheduled batch
 *
 * A null return is success; any other string becomes a TRITONSERVER_Error. Java then uses the JavaCPP TRITONBACKEND_*
 * bindings on the handles, and sendTokens() below for what runs once a response.
 *
 * The JVM System.load()s the very same file first (same inode, so the loader hands both the same image) and calls the
 * native bind(), which stores the JavaVM and the Java methods.
 *
 * The C API is a stable ABI, so the few prototypes used are declared here: no Triton headers needed.
 */
#include <jni.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* ---- the part of tritonserver.h / tritonbackend.h that is used (opaque handles) ---- */
typedef struct TRITONSERVER_Error TRITONSERVER_Error;
extern TRITONSERVER_Error *TRITONSERVER_ErrorNew(int code, const char *message);
extern const char *TRITONSERVER_ErrorMessage(TRITONSERVER_Error *);
extern void TRITONSERVER_ErrorDelete(TRITONSERVER_Error *);
extern TRITONSERVER_Error *TRITONBACKEND_ApiVersion(uint32_t *major, uint32_t *minor);
extern TRITONSERVER_Error *TRITONBACKEND_ResponseNewFromFactory(void **response, void *factory);
extern TRITONSERVER_Error *TRITONBACKEND_ResponseOutput(
    void *response, void **output, const char *name, int datatype, const int64_t *shape, uint32_t dims);
extern TRITONSERVER_Error *TRITONBACKEND_OutputBuffer(
    void *output, void **buffer, uint64_t bytes, int *memory_type, int64_t *memory_type_id);
extern TRITONSERVER_Error *TRITONBACKEND_ResponseSend(void *response, uint32_t flags, TRITONSERVER_Error *error);
extern TRITONSERVER_Error *TRITONBACKEND_ResponseDelete(void *response);
extern TRITONSERVER_Error *TRITONSERVER_InferenceResponseOutputCount(void *response, uint32_t *count);
extern TRITONSERVER_Error *TRITONSERVER_InferenceResponseOutput(
    void *response, uint32_t index, const char **name, int *datatype, const int64_t **shape, uint64_t *dims, const void **base,
    size_t *bytes, int *memory_type, int64_t *memory_type_id, void **userp);
extern TRITONSERVER_Error *TRITONBACKEND_RequestId(void *request, const char **id);
extern TRITONSERVER_Error *TRITONBACKEND_InferenceRequestTimeoutMicroseconds(void *request, uint64_t *timeout);
extern TRITONSERVER_Error *TRITONBACKEND_RequestInputCount(void *request, uint32_t *count);
extern TRITONSERVER_Error *TRITONBACKEND_RequestInputByIndex(void *request, uint32_t index, void **input);
extern TRITONSERVER_Error *TRITONBACKEND_InputProperties(
    void *input, const char **name, int *datatype, const int64_t **shape, uint32_t *dims, uint64_t *bytes, uint32_t *buffers);
extern TRITONSERVER_Error *TRITONBACKEND_InputBuffer(
    void *input, uint32_t index, const void **buffer, uint64_t *bytes, int *memory_type, int64_t *memory_type_id);
extern TRITONSERVER_Error *TRITONSERVER_InferenceRequestSetId(void *request, const char *id);
extern TRITONSERVER_Error *TRITONSERVER_InferenceRequestSetTimeoutMicroseconds(void *request, uint64_t timeout);
extern TRITONSERVER_Error *TRITONSERVER_InferenceRequestAddInput(
    void *request, const char *name, int datatype, const int64_t *shape, uint64_t dims);
extern TRITONSERVER_Error *TRITONSERVER_InferenceRequestAppendInputData(
    void *request, const char *name, const void *base, size_t bytes, int memory_type, int64_t memory_type_id);
enum { TYPE_INT32 = 8, TYPE_INT64 = 9, TYPE_FP32 = 11 };
enum { ERROR_INTERNAL = 1, ERROR_UNAVAILABLE = 4, ERROR_UNSUPPORTED = 5 };
enum { MEMORY_GPU = 2 };

/* ---- the Java side ---- */
enum { EV_BACKEND_INIT = 0, EV_BACKEND_FINI, EV_MODEL_INIT, EV_MODEL_FINI, EV_INSTANCE_INIT, EV_INSTANCE_FINI };

static JavaVM *jvm;
static jclass bridge; /* global reference */
static jmethodID on_event, on_execute;
static pthread_key_t attached; /* set on threads WE attached: its destructor detaches them */

static void detach(void *vm) { (*(JavaVM *)vm)->DetachCurrentThread((JavaVM *)vm); }

/* static native void bind() */
EXPORT JNIEXPORT void JNICALL Java_dev_forkpoint_triton_JvmBackend_bind(JNIEnv *env, jclass cls)
{
  jmethodID ev = (*env)->GetStaticMethodID(env, cls, "onEvent", "(IJ)Ljava/lang/String;");
  jmethodID ex = (*env)->GetStaticMethodID(env, cls, "onExecute", "(JJI)Ljava/lang/String;");
  if (ev == NULL || ex == NULL) return; /* NoSuchMethodError is pending */
  if (jvm == NULL) pthread_key_create(&attached, detach);
  bridge = (jclass)(*env)->NewGlobalRef(env, cls);
  on_event = ev;
  on_execute = ex;
  (*env)->GetJavaVM(env, &jvm);
}

static JNIEnv *java(void)
{
  JNIEnv *env = NULL;
  if (jvm == NULL) return NULL;
  if ((*jvm)->GetEnv(jvm, (void **)&env, JNI_VERSION_1_8) == JNI_OK) return env;
  JavaVMAttachArgs args = {JNI_VERSION_1_8, (char *)"triton-backend", NULL};
  if ((*jvm)->AttachCurrentThreadAsDaemon(jvm, (void **)&env, &args) != JNI_OK) return NULL;
  pthread_setspecific(attached, jvm);
  return env;
}

/* turns the outcome of an upcall into a Triton error; never lets a Java exception reach Triton */
static TRITONSERVER_Error *outcome(JNIEnv *env, jstring message)
{
  if ((*env)->ExceptionCheck(env)) {
    (*env)->ExceptionDescribe(env);
    (*env)->ExceptionClear(env);
    return TRITONSERVER_ErrorNew(ERROR_INTERNAL, "the Java backend threw");
  }
  if (message == NULL) return NULL;
  const char *text = (*env)->GetStringUTFChars(env, message, NULL);
  TRITONSERVER_Error *error = TRITONSERVER_ErrorNew(ERROR_INTERNAL, text ? text : "out of memory");
  if (text) (*env)->ReleaseStringUTFChars(env, message, text);
  (*env)->DeleteLocalRef(env, message);
  return error;
}

static TRITONSERVER_Error *event(int kind, void *handle)
{
  JNIEnv *env = java();
  if (env == NULL)
    return TRITONSERVER_ErrorNew(ERROR_UNAVAILABLE, "no JVM has bound this backend: load it inside the Java process");
  return outcome(
      env, (jstring)(*env)->CallStaticObjectMethod(env, bridge, on_event, (jint)kind, (jlong)(intptr_t)handle));
}

/* ---- Triton's entry points ---- */
EXPORT TRITONSERVER_Error *TRITONBACKEND_Initialize(void *backend)
{
  uint32_t major = 0, minor = 0;
  TRITONSERVER_Error *error = TRITONBACKEND_ApiVersion(&major, &minor);
  if (error) return error;
  if (major != 1 || minor < 19)
    return TRITONSERVER_ErrorNew(ERROR_UNSUPPORTED, "needs TRITONBACKEND API 1.19 or later");
  return event(EV_BACKEND_INIT, backend);
}
EXPORT TRITONSERVER_Error *TRITONBACKEND_Finalize(void *backend) { return event(EV_BACKEND_FINI, backend); }
EXPORT TRITONSERVER_Error *TRITONBACKEND_ModelInitialize(void *model) { return event(EV_MODEL_INIT, model); }
EXPORT TRITONSERVER_Error *TRITONBACKEND_ModelFinalize(void *model) { return event(EV_MODEL_FINI, model); }
EXPORT TRITONSERVER_Error *TRITONBACKEND_ModelInstanceInitialize(void *i) { return event(EV_INSTANCE_INIT, i); }
EXPORT TRITONSERVER_Error *TRITONBACKEND_ModelInstanceFinalize(void *i) { return event(EV_INSTANCE_FINI, i); }
EXPORT TRITONSERVER_Error *
TRITONBACKEND_ModelInstanceExecute(void *instance, void **requests, const uint32_t count)
{
  JNIEnv *env = java();
  if (env == NULL) return TRITONSERVER_ErrorNew(ERROR_UNAVAILABLE, "the JVM is gone");
  return outcome(
      env, (jstring)(*env)->CallStaticObjectMethod(
               env, bridge, on_execute, (jlong)(intptr_t)instance, (jlong)(intptr_t)requests, (jint)count));
}

/*
 * One response in one JNI crossing, instead of some thirty JavaCPP ones. The output names, types and order are those
 * of version 1 of the tensor contract.
 */
static TRITONSERVER_Error *buffer_of(void *response, const char *name, int type, int64_t count, size_t width, void **buffer)
{
  void *output = NULL;
  int memory = 0;
  int64_t device = 0;
  *buffer = NULL;
  TRITONSERVER_Error *e = TRITONBACKEND_ResponseOutput(response, &output, name, type, &count, 1);
  if (!e) e = TRITONBACKEND_OutputBuffer(output, buffer, (uint64_t)count * width, &memory, &device);
  if (!e && (memory == MEMORY_GPU || (count > 0 && *buffer == NULL)))
    e = TRITONSERVER_ErrorNew(ERROR_INTERNAL, "the client's allocator gave no CPU memory for a response");
  return e;
}

static TRITONSERVER_Error *put_floats(JNIEnv *env, void *response, const char *name, jfloatArray values, jint count)
{
  void *b;
  int64_t n = values == NULL ? 0 : count; /* length 0 beside tokens: the engine reports none */
  TRITONSERVER_Error *e = buffer_of(response, name, TYPE_FP32, n, sizeof(jfloat), &b);
  if (!e && n > 0) (*env)->GetFloatArrayRegion(env, values, 0, count, (jfloat *)b);
  return e;
}

/* static native String sendTokens(long factory, int[] ids, float[] logProbs, float[] entropies, float[] collisions,
 *                                 long[] versions, int count, int finishReason, long queueMicros, int batchSize)
 * null: sent. A finish reason other than 0 marks the response as the last one, which alone tells of queue and batch. */
EXPORT JNIEXPORT jstring JNICALL
Java_dev_forkpoint_triton_JvmBackend_sendTokens(
    JNIEnv *env, jclass cls, jlong factory, jintArray ids, jfloatArray log_probs, jfloatArray entropies,
    jfloatArray collisions, jlongArray versions, jint count, jint finish_reason, jlong queue_micros, jint batch_size)
{
  (void)cls;
  void *response = NULL, *b;
  TRITONSERVER_Error *e = TRITONBACKEND_ResponseNewFromFactory(&response, (void *)(intptr_t)factory);
  if (!e) e = buffer_of(response, "token_ids", TYPE_INT32, count, sizeof(jint), &b);
  if (!e && count > 0) (*env)->GetIntArrayRegion(env, ids, 0, count, (jint *)b);
  if (!e) e = put_floats(env, response, "log_probs", log_probs, count);
  if (!e) e = put_floats(env, response, "entropies", entropies, count);
  if (!e) e = put_floats(env, response, "collision_probabilities", collisions, count);
  if (!e) e = buffer_of(response, "policy_versions", TYPE_INT64, count, sizeof(jlong), &b);
  if (!e && count > 0) (*env)->GetLongArrayRegion(env, versions, 0, count, (jlong *)b);
  if (!e) e = buffer_of(response, "finish_reason", TYPE_INT32, 1, sizeof(jint), &b);
  if (!e) *(jint *)b = finish_reason;
  if (finish_reason != 0) {
    if (!e) e = buffer_of(response, "queue_micros", TYPE_INT64, 1, sizeof(jlong), &b);
    if (!e) *(jlong *)b = queue_micros;
    if (!e) e = buffer_of(response, "batch_size", TYPE_INT32, 1, sizeof(jint), &b);
    if (!e) *(jint *)b = batch_size;
  }
  if (e || (*env)->ExceptionCheck(env)) { /* an array shorter than count: the exception stays pending for Java */
    if (response) {
      TRITONSERVER_Error *d = TRITONBACKEND_ResponseDelete(response);
      if (d) TRITONSERVER_ErrorDelete(d);
    }
  } else {
    e = TRITONBACKEND_ResponseSend(response, finish_reason != 0 ? 1 : 0, NULL);
  }
  if (!e || (*env)->ExceptionCheck(env)) {
    if (e) TRITONSERVER_ErrorDelete(e);
    return NULL;
  }
  jstring message = (*env)->NewStringUTF(env, TRITONSERVER_ErrorMessage(e));
  TRITONSERVER_ErrorDelete(e);
  return message;
}

/*
 * A message as NativeMessage has it, so that it too crosses at once: timeout, length of the id, id; count of tensors; of each the length of its name, its type, dimensions and
 * bytes, then shape, name and data. Texts close with a 0. Each takes eight bytes or a multiple.
 */

/* bytes that grow; at is NULL once there was no memory */
struct packed {
  char *at;
  size_t size, room;
};

static size_t eights(size_t size) { return (size + 7) / 8 * 8; }

static void pack(struct packed *p, const void *from, size_t size)
{
  if (p->at != NULL && p->size + eights(size) > p->room) {
    p->room = 2 * (p->size + eights(size));
    char *larger = realloc(p->at, p->room);
    if (larger == NULL) free(p->at);
    p->at = larger;
  }
  if (p->at == NULL || size == 0) return;
  memcpy(p->at + p->size, from, size);
  memset(p->at + p->size + size, 0, eights(size) - size);
  p->size += size;
}

static void fill(struct packed *p) { p->size = eights(p->size); }

static void pack_header(struct packed *p, uint64_t timeout, const char *id, uint64_t tensors)
{
  uint64_t numbers[2] = {timeout, strlen(id) + 1};
  pack(p, numbers, sizeof numbers);
  pack(p, id, numbers[1]);
  fill(p);
  pack(p, &tensors, sizeof tensors);
}

/* all of a tensor but its data */
static void pack_tensor(struct packed *p, const char *name, int type, const int64_t *shape, uint64_t dims, uint64_t bytes)
{
  uint64_t numbers[4] = {strlen(name) + 1, (uint64_t)type, dims, bytes};
  pack(p, numbers, sizeof numbers);
  pack(p, shape, dims * sizeof *shape);
  pack(p, name, numbers[0]);
  fill(p);
}

/* p as a Java array, and freed; or an IllegalStateException of what failed */
static jbyteArray taken(JNIEnv *env, struct packed *p, TRITONSERVER_Error *e, const char *failed)
{
  jbyteArray out = NULL;
  if (e) failed = TRITONSERVER_ErrorMessage(e);
  if (!failed && p->at == NULL) failed = "no memory for tensors";
  if (!failed && p->size > INT32_MAX) failed = "tensors of more than 2 GiB in one message";
  if (failed) {
    (*env)->ThrowNew(env, (*env)->FindClass(env, "java/lang/IllegalStateException"), failed);
  } else {
    out = (*env)->NewByteArray(env, (jsize)p->size);
    if (out) (*env)->SetByteArrayRegion(env, out, 0, (jsize)p->size, (const jbyte *)p->at);
  }
  if (e) TRITONSERVER_ErrorDelete(e);
  free(p->at);
  return out;
}

/* static native byte[] readResponse(long response)
 * Throws IllegalStateException for what Triton refuses, and where tensors lie in GPU memory. */
EXPORT JNIEXPORT jbyteArray JNICALL
Java_dev_forkpoint_triton_JvmBackend_readResponse(JNIEnv *env, jclass cls, jlong handle)
{
  (void)cls;
  void *response = (void *)(intptr_t)handle;
  const char *failed = NULL;
  uint32_t count = 0;
  struct packed p = {malloc(1024), 0, 1024};
  TRITONSERVER_Error *e = TRITONSERVER_InferenceResponseOutputCount(response, &count);
  pack_header(&p, 0, "", count);
  for (uint32_t i = 0; i < count && !e && !failed; i++) {
    const char *name;
    const int64_t *shape;
    const void *base;
    void *userp;
    uint64_t dims;
    size_t bytes;
    int type, memory;
    int64_t device;
    e = TRITONSERVER_InferenceResponseOutput(
        response, i, &name, &type, &shape, &dims, &base, &bytes, &memory, &device, &userp);
    if (e) break;
    if (memory == MEMORY_GPU) failed = "a response lies in GPU memory, which was not asked for";
    pack_tensor(&p, name, type, shape, dims, bytes);
    if (!failed) pack(&p, base, bytes);
    fill(&p);
  }
  return taken(env, &p, e, failed);
}

/* static native byte[] readRequest(long request), to the backend; throws as readResponse does */
EXPORT JNIEXPORT jbyteArray JNICALL
Java_dev_forkpoint_triton_JvmBackend_readRequest(JNIEnv *env, jclass cls, jlong handle)
{
  (void)cls;
  void *request = (void *)(intptr_t)handle;
  const char *failed = NULL, *id = "";
  uint64_t timeout = 0;
  uint32_t count = 0;
  struct packed p = {malloc(1024), 0, 1024};
  TRITONSERVER_Error *e = TRITONBACKEND_InferenceRequestTimeoutMicroseconds(request, &timeout);
  if (!e) e = TRITONBACKEND_RequestId(request, &id);
  if (!e) e = TRITONBACKEND_RequestInputCount(request, &count);
  pack_header(&p, timeout, id, count);
  for (uint32_t i = 0; i < count && !e && !failed; i++) {
    void *input;
    const char *name;
    const int64_t *shape;
    uint32_t dims, buffers;
    uint64_t bytes;
    int type;
    e = TRITONBACKEND_RequestInputByIndex(request, i, &input);
    if (!e) e = TRITONBACKEND_InputProperties(input, &name, &type, &shape, &dims, &bytes, &buffers);
    if (e) break;
    pack_tensor(&p, name, type, shape, dims, bytes);
    for (uint32_t b = 0; b < buffers && !e && !failed; b++) { /* Triton may hand an input over in pieces */
      const void *base;
      uint64_t part;
      int memory = 0;
      int64_t device = 0;
      e = TRITONBACKEND_InputBuffer(input, b, &base, &part, &memory, &device);
      if (!e && memory == MEMORY_GPU) failed = "an input lies in GPU memory (allowed: CPU memory)";
      if (!e && !failed) pack(&p, base, part);
    }
    fill(&p);
  }
  return taken(env, &p, e, failed);
}

static const void *next(const char **at, uint64_t bytes)
{
  const void *here = *at;
  *at += eights(bytes);
  return here;
}

/* static native long fillRequest(long request, byte[] message, long block)
 * Gives a new request id, timeout and inputs. block, as long as the message, keeps a copy, in which Triton has the inputs' data until the release.
 * Returns the TRITONSERVER_Error; 0: none. */
EXPORT JNIEXPORT jlong JNICALL
Java_dev_forkpoint_triton_JvmBackend_fillRequest(JNIEnv *env, jclass cls, jlong handle, jbyteArray message, jlong block)
{
  (void)cls;
  void *request = (void *)(intptr_t)handle;
  const char *at = (const char *)(intptr_t)block;
  (*env)->GetByteArrayRegion(env, message, 0, (*env)->GetArrayLength(env, message), (jbyte *)(intptr_t)block);
  const uint64_t *numbers = next(&at, 2 * sizeof *numbers);
  const char *id = next(&at, numbers[1]);
  uint64_t count = *(const uint64_t *)next(&at, sizeof count);
  TRITONSERVER_Error *e = TRITONSERVER_InferenceRequestSetTimeoutMicroseconds(request, numbers[0]);
  if (!e) e = TRITONSERVER_InferenceRequestSetId(request, id);
  for (uint64_t i = 0; i < count && !e; i++) {
    const uint64_t *lengths = next(&at, 4 * sizeof *lengths);
    const int64_t *shape = next(&at, lengths[2] * sizeof *shape);
    const char *name = next(&at, lengths[0]);
    const void *data = next(&at, lengths[3]);
    e = TRITONSERVER_InferenceRequestAddInput(request, name, (int)lengths[1], shape, lengths[2]);
    if (!e) e = TRITONSERVER_InferenceRequestAppendInputData(request, name, data, lengths[3], 0, 0);
  }
  return (jlong)(intptr_t)e;
}

/*
 * Output buffers for the client side (TRITONSERVER_ResponseAllocator*Fn_t in C): eight of these run per response, so
 * they stay out of Java. allocatorFn(0|1) hands their addresses to Java.
 */
static TRITONSERVER_Error *
cpu_alloc(void *allocator, const char *name, size_t bytes, int preferred, int64_t preferred_id, void *userp,
          void **buffer, void **buffer_userp, int *memory_type, int64_t *memory_type_id)
{
  (void)allocator; (void)name; (void)preferred; (void)preferred_id; (void)userp;
  *buffer = bytes ? malloc(bytes) : NULL;
  *buffer_userp = NULL;
  *memory_type = 0;
  *memory_type_id = 0;
  return (bytes && !*buffer) ? TRITONSERVER_ErrorNew(ERROR_UNAVAILABLE, "out of memory") : NULL;
}
static TRITONSERVER_Error *
cpu_release(void *allocator, void *buffer, void *buffer_userp, size_t bytes, int memory_type, int64_t memory_type_id)
{
  (void)allocator; (void)buffer_userp; (void)bytes; (void)memory_type; (void)memory_type_id;
  free(buffer);
  return NULL;
}
EXPORT JNIEXPORT jlong JNICALL Java_dev_forkpoint_triton_JvmBackend_allocatorFn(JNIEnv *env, jclass cls, jint which)
{
  (void)env; (void)cls;
  return which == 0 ? (jlong)(intptr_t)cpu_alloc : (jlong)(intptr_t)cpu_release;
}
