# What `cmake --install` leaves: the header, both libraries, and how CMake and pkg-config find them.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/resilicache)

install(FILES core/include/resilicache.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS resilicache resilicache_static EXPORT resilicache)
install(EXPORT resilicache NAMESPACE resilicache:: DESTINATION ${package_dir})

configure_package_config_file(cmake/Config.cmake.in generated/resilicacheConfig.cmake
    INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(generated/resilicacheConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/generated/resilicacheConfig.cmake
    ${PROJECT_BINARY_DIR}/generated/resilicacheConfigVersion.cmake DESTINATION ${package_dir})

# The prefix is where the file lies, so that a tree may be moved after it was installed.
file(RELATIVE_PATH pc_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
list(TRANSFORM RCACHE_TLS_LIBRARIES PREPEND "-l" OUTPUT_VARIABLE pc_libraries)
list(APPEND pc_libraries -pthread)
list(JOIN pc_libraries " " pc_libraries)
configure_file(cmake/resilicache.pc.in generated/resilicache.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/generated/resilicache.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
