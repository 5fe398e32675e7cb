# What clang's tools say of the sources: a test that every file is formatted, and a target `clang-tidy`.
# Version 19 on purpose: 14 accepts the names of the coroutine checks and runs none of them.
find_program(CLANG_FORMAT clang-format-19)
find_program(CLANG_TIDY clang-tidy-19)
cmake_host_system_information(RESULT PROCESSORS QUERY NUMBER_OF_LOGICAL_CORES)
set(our_sources "find core cgroup config http daemon tests \\( -name '*.cpp' -o -name '*.h' \\) -print0")

if(CLANG_FORMAT)
    set(check_format "${our_sources} | xargs -0 -r -n 16 -P ${PROCESSORS} ${CLANG_FORMAT} --dry-run -Werror")
else()
    set(check_format "echo 'skipped: clang-format-19 is not installed'; exit 77")
endif()
add_test(NAME Tidy.EverySourceIsFormatted COMMAND sh -c "${check_format}"
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(Tidy.EverySourceIsFormatted PROPERTIES SKIP_RETURN_CODE 77)

# cmake --build build/dev --target clang-tidy. First that every check named in .clang-tidy exists.
# The flags are those of the compiler that built: clang need not know all of GCC's.
if(CLANG_TIDY)
    set(tidy_one "${CLANG_TIDY} --quiet -p ${CMAKE_BINARY_DIR} --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-unused-command-line-argument")
    add_custom_target(clang-tidy
        COMMAND ${CLANG_TIDY} --verify-config
        COMMAND sh -c "find core cgroup config http daemon -name '*.cpp' -print0 | xargs -0 -r -n 1 -P ${PROCESSORS} ${tidy_one}"
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} VERBATIM USES_TERMINAL)
endif()
