# The runtime as a library, for programs that embed it, and what plugins are built with: headers,
# libpilotfish.a and .so, a CMake package and a pkg-config file. All in the component `dev`; the
# executable's own package has none of it.
include(CMakePackageConfigHelpers)

# Users include <pilotfish/core/task.h>. A bare core/ on their include path would meet their own, so
# the headers' includes of one another are rewritten on the way.
set(sdk ${CMAKE_BINARY_DIR}/sdk)
set(internal scheduler.h parker.h registry.h watcher.h long_step.h socket_calls.h native_symbols.h)
set(umbrella "// The coroutine runtime, for programs that embed it: every public header at once.\n#pragma once\n\n")
file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/core/*.h)
set(public_headers)
foreach(header ${headers})
    cmake_path(GET header FILENAME name)
    if(name IN_LIST internal)
        continue()
    endif()
    set(rewritten ${sdk}/include/pilotfish/core/${name})
    add_custom_command(OUTPUT ${rewritten} DEPENDS ${header} VERBATIM
        COMMAND sed "s|^#include \"core/|#include \"pilotfish/core/|" ${header} > ${rewritten})
    list(APPEND public_headers ${rewritten})
    if(NOT name MATCHES "^plugin")
        string(APPEND umbrella "#include <pilotfish/core/${name}>\n")
    endif()
endforeach()
file(MAKE_DIRECTORY ${sdk}/include/pilotfish/core)
file(CONFIGURE OUTPUT ${sdk}/include/pilotfish/runtime.h CONTENT "${umbrella}" @ONLY)
add_custom_target(pilotfish_headers ALL DEPENDS ${public_headers})

# Both libraries are the very objects that the executable is made of.
foreach(kind STATIC SHARED)
    string(TOLOWER ${kind} name)
    if(kind STREQUAL "SHARED" AND PILOTFISH_STATIC)
        continue()
    endif()
    add_library(pilotfish_${name} ${kind} $<TARGET_OBJECTS:pilotfish_core>)
    set_target_properties(pilotfish_${name} PROPERTIES OUTPUT_NAME pilotfish EXPORT_NAME ${name}
        LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION}
        # Before 1.0 every minor release may change what programs were compiled against.
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    target_compile_features(pilotfish_${name} PUBLIC cxx_std_20)
    target_include_directories(pilotfish_${name} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(pilotfish_${name} PUBLIC Threads::Threads)
    install(TARGETS pilotfish_${name} EXPORT pilotfish COMPONENT dev
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endforeach()
if(TARGET pilotfish_shared AND PILOTFISH_SANITIZE)
    target_link_options(pilotfish_shared PRIVATE -fsanitize=${PILOTFISH_SANITIZE})
endif()

# By name: a header that is no more may still lie in a build directory.
install(FILES ${public_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/pilotfish/core COMPONENT dev)
install(FILES ${sdk}/include/pilotfish/runtime.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/pilotfish COMPONENT dev)
install(DIRECTORY include/pilotfish DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pilotfish)
install(EXPORT pilotfish NAMESPACE pilotfish:: FILE pilotfish-targets.cmake DESTINATION ${package_dir} COMPONENT dev)
configure_package_config_file(cmake/pilotfish-config.cmake.in ${sdk}/pilotfish-config.cmake
    INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${sdk}/pilotfish-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${sdk}/pilotfish-config.cmake ${sdk}/pilotfish-config-version.cmake
    DESTINATION ${package_dir} COMPONENT dev)
# From where the file lies, so that the installed tree can be moved.
file(RELATIVE_PATH prefix_from_pc /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/pilotfish.pc.in ${sdk}/pilotfish.pc @ONLY)
install(FILES ${sdk}/pilotfish.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT dev)
