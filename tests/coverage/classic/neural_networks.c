/*
 * A stand-in for Android's libneuralnetworks.so with one driver that takes whatever it is offered and
 * computes nothing, so that what TFLite's delegate takes is what it offers to drivers.
 *
 * It stands in for libandroid.so as well, of which the delegate wants shared memory.
 *
 * ANDROID_API_LEVEL says which Android it is. Features above level 31 are those of Android 13 and later.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint32_t in_model;

static int64_t feature_level(void) {
    long level = strtol(getenv("ANDROID_API_LEVEL"), NULL, 10);
    return level >= 33 ? 1000008 : level >= 31 ? 31 : level;
}

int ASharedMemory_create(const char *name, size_t size) {
    int file = memfd_create(name, 0);
    return file < 0 || ftruncate(file, (off_t)size) ? -1 : file;
}

int ANeuralNetworksModel_create(void **model) {
    in_model = 0;
    *model = &in_model;
    return 0;
}
int ANeuralNetworksModel_addOperation(void *model, int type, uint32_t inputs, const uint32_t *input,
                                      uint32_t outputs, const uint32_t *output) {
    in_model++;
    return 0;
}
int ANeuralNetworksModel_getSupportedOperationsForDevices(const void *model, const void *const *devices,
                                                          uint32_t count, bool *supported) {
    memset(supported, true, in_model);
    return 0;
}

int64_t ANeuralNetworks_getRuntimeFeatureLevel(void) { return feature_level(); }
int ANeuralNetworks_getDeviceCount(uint32_t *count) {
    *count = 2;
    return 0;
}
int ANeuralNetworks_getDevice(uint32_t index, void **device) {
    static char devices[2];
    *device = &devices[index];
    return 0;
}
int ANeuralNetworksDevice_getName(const void *device, const char **name) {
    static void *reference;
    ANeuralNetworks_getDevice(0, &reference);
    *name = device == reference ? "nnapi-reference" : "stand-in";
    return 0;
}
int ANeuralNetworksDevice_getVersion(const void *device, const char **version) {
    *version = "1";
    return 0;
}
int ANeuralNetworksDevice_getFeatureLevel(const void *device, int64_t *level) {
    *level = feature_level();
    return 0;
}
int ANeuralNetworksDevice_getType(const void *device, int32_t *type) {
    *type = 4;
    return 0;
}

/* Whatever makes something makes nothing, and all else succeeds. */
#define MAKES(name, ...) \
    int name(__VA_ARGS__, void **made) { \
        static char nothing; \
        *made = &nothing; \
        return 0; \
    }
MAKES(ANeuralNetworksMemory_createFromFd, size_t size, int protect, int file, size_t offset)
MAKES(ANeuralNetworksCompilation_create, void *model)
MAKES(ANeuralNetworksCompilation_createForDevices, void *model, const void *const *devices, uint32_t count)
MAKES(ANeuralNetworksExecution_create, void *compilation)
#define DOES(name) \
    int name(void) { return 0; }
DOES(ANeuralNetworksMemory_free)
DOES(ANeuralNetworksModel_free)
DOES(ANeuralNetworksModel_finish)
DOES(ANeuralNetworksModel_addOperand)
DOES(ANeuralNetworksModel_setOperandValue)
DOES(ANeuralNetworksModel_setOperandSymmPerChannelQuantParams)
DOES(ANeuralNetworksModel_setOperandValueFromMemory)
DOES(ANeuralNetworksModel_identifyInputsAndOutputs)
DOES(ANeuralNetworksModel_relaxComputationFloat32toFloat16)
DOES(ANeuralNetworksCompilation_free)
DOES(ANeuralNetworksCompilation_setPreference)
DOES(ANeuralNetworksCompilation_setCaching)
DOES(ANeuralNetworksCompilation_setPriority)
DOES(ANeuralNetworksCompilation_setTimeout)
DOES(ANeuralNetworksCompilation_finish)
DOES(ANeuralNetworksExecution_free)
DOES(ANeuralNetworksExecution_setInput)
DOES(ANeuralNetworksExecution_setInputFromMemory)
DOES(ANeuralNetworksExecution_setOutput)
DOES(ANeuralNetworksExecution_setOutputFromMemory)
DOES(ANeuralNetworksExecution_startCompute)
DOES(ANeuralNetworksExecution_compute)
DOES(ANeuralNetworksExecution_setReusable)
DOES(ANeuralNetworksEvent_wait)
DOES(ANeuralNetworksEvent_free)
