// What a C runtime made of its environment: `threads openmp|glibc|FUNCTION LIBRARY` prints one
// number.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kThreads = 40 };

static pthread_barrier_t all_here;

static void* use_an_arena(void* unused) {
    (void)unused;
    char* volatile block = malloc(1000);  // volatile: a compiler may leave out what nobody looks at
    pthread_barrier_wait(&all_here);
    free(block);
    return NULL;
}

// Arenas after more threads than there may be arenas have allocated at once.
static int glibc_arenas(void) {
    pthread_t threads[kThreads];
    pthread_barrier_init(&all_here, NULL, kThreads);
    for (int i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, use_an_arena, NULL);
    for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
    char* text = NULL;
    size_t size = 0;
    FILE* stream = open_memstream(&text, &size);
    malloc_info(0, stream);
    fclose(stream);
    int arenas = 0;
    for (const char* at = text; (at = strstr(at, "<heap nr=")) != NULL; ++at) ++arenas;
    return arenas;
}

static int jemalloc_arenas(void* library) {
    int (*mallctl)(const char*, void*, size_t*, void*, size_t) = NULL;
    *(void**)&mallctl = dlsym(library, "mallctl");
    unsigned arenas = 0;
    size_t size = sizeof arenas;
    return mallctl != NULL && mallctl("opt.narenas", &arenas, &size, NULL, 0) == 0 ? (int)arenas
                                                                                   : -1;
}

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    if (strcmp(argv[1], "openmp") == 0) {
        printf("%d\n", omp_get_max_threads());
        return 0;
    }
    if (strcmp(argv[1], "glibc") == 0) {
        printf("%d\n", glibc_arenas());
        return 0;
    }
    if (argc < 3) return 2;
    void* library = dlopen(argv[2], RTLD_NOW);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    if (strcmp(argv[1], "jemalloc") == 0) {
        printf("%d\n", jemalloc_arenas(library));
        return 0;
    }
    long (*threads)(void) = NULL;
    *(void**)&threads = dlsym(library, argv[1]);
    if (threads == NULL) return 1;
    printf("%d\n", (int)threads());
    return 0;
}
