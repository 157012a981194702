/*
 * The part of Android's C library that glibc lacks or does otherwise: a stand-in for Android's
 * libc.so and liblog.so, under the published libraries of TFLite on a Linux machine. Whatever is not
 * here means the same in both and comes from glibc.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* stdin, stdout and stderr are the elements of an array there. */
struct android_file {
    char opaque[152];
};
struct android_file __sF[3];

static FILE *native(void *file) {
    if (file == &__sF[0]) return stdin;
    if (file == &__sF[1]) return stdout;
    if (file == &__sF[2]) return stderr;
    return file;
}

int android_vfprintf(void *file, const char *format, va_list arguments) {
    return vfprintf(native(file), format, arguments);
}

int android_fprintf(void *file, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int written = vfprintf(native(file), format, arguments);
    va_end(arguments);
    return written;
}

int android_fputc(int character, void *file) { return fputc(character, native(file)); }

size_t android_fwrite(const void *data, size_t size, size_t count, void *file) {
    return fwrite(data, size, count, native(file));
}

int android_fflush(void *file) { return fflush(native(file)); }

int android_fileno(void *file) { return fileno(native(file)); }

/* The numbers of what can be asked differ. */
long android_sysconf(int name) {
    switch (name) {
        case 0x27:
        case 0x28:
            return sysconf(_SC_PAGESIZE);
        case 0x60:
            return sysconf(_SC_NPROCESSORS_CONF);
        case 0x61:
            return sysconf(_SC_NPROCESSORS_ONLN);
        default:
            fprintf(stderr, "android_libc.c has no sysconf(%#x)\n", name);
            abort();
    }
}

/* glibc's own strerror_r answers a pointer. */
int __xpg_strerror_r(int error, char *text, size_t size);
int android_strerror_r(int error, char *text, size_t size) {
    return __xpg_strerror_r(error, text, size);
}

/*
 * XNNPACK asks for 32 bytes, enough for the processors of phones, and some of its kernels for
 * AVX-512 then read as though it had asked for 64.
 */
void *android_memalign(size_t alignment, size_t size) {
    return memalign(alignment < 64 ? 64 : alignment, size);
}

int *android_errno(void) { return &errno; }

size_t android_strlen_chk(const char *text, size_t size) {
    size_t length = strlen(text);
    if (length >= size) abort();
    return length;
}

/*
 * Of the system's properties there is the API level alone, for which XNNPACK and NNAPI's delegate ask:
 * ANDROID_API_LEVEL, or else Android 14's.
 */
int android_system_property_get(const char *name, char *value) {
    const char *level = getenv("ANDROID_API_LEVEL");
    strcpy(value, strcmp(name, "ro.build.version.sdk") ? "" : level ? level : "34");
    return (int)strlen(value);
}

void android_set_abort_message(const char *message) { fprintf(stderr, "%s\n", message); }

int __android_log_vprint(int priority, const char *tag, const char *format, va_list arguments) {
    (void)priority;
    fprintf(stderr, "%s: ", tag);
    int written = vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    return written;
}

/* The names that Android's libraries ask for; one `@` keeps them from answering our own calls. */
#define ANDROID(function, name) __asm__(".symver " #function ", " #name "@LIBC")
ANDROID(android_vfprintf, vfprintf);
ANDROID(android_fprintf, fprintf);
ANDROID(android_fputc, fputc);
ANDROID(android_fwrite, fwrite);
ANDROID(android_fflush, fflush);
ANDROID(android_fileno, fileno);
ANDROID(android_sysconf, sysconf);
ANDROID(android_strerror_r, strerror_r);
ANDROID(android_memalign, memalign);
ANDROID(android_errno, __errno);
ANDROID(android_strlen_chk, __strlen_chk);
ANDROID(android_system_property_get, __system_property_get);
