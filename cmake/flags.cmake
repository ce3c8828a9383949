# Every target of the project links nisim_flags. Each flag is probed: gcc 12 and 14, clang 14 and 19 differ.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)
add_library(nisim_flags INTERFACE)

function(nisim_add_flag flag)
  string(MAKE_C_IDENTIFIER "have${flag}" name)
  check_c_compiler_flag("${flag}" ${name})
  if(${name})
    target_compile_options(nisim_flags INTERFACE ${flag})
  endif()
endfunction()

foreach(flag
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wformat=2
    -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Wimplicit-fallthrough
    -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
    -fzero-call-used-regs=used-gpr)
  nisim_add_flag(${flag})
endforeach()
# clang 14 refuses =zero without a second flag; both compilers take =pattern.
nisim_add_flag(-ftrivial-auto-var-init=zero)
if(NOT have_ftrivial_auto_var_init_zero)
  nisim_add_flag(-ftrivial-auto-var-init=pattern)
endif()

if(NISIM_SANITIZE)
  target_compile_options(nisim_flags INTERFACE -fsanitize=${NISIM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(nisim_flags INTERFACE -fsanitize=${NISIM_SANITIZE})
  target_compile_definitions(nisim_flags INTERFACE NISIM_SANITIZED=1)
else()
  # Sanitizers replace what fortify checks, and make frames larger.
  nisim_add_flag(-Wframe-larger-than=4096)
  if(NOT CMAKE_BUILD_TYPE STREQUAL Debug)
    target_compile_options(nisim_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  endif()
endif()
if(NISIM_WERROR)
  target_compile_options(nisim_flags INTERFACE -Werror)
endif()
if(NISIM_COVERAGE)
  target_compile_options(nisim_flags INTERFACE --coverage)
  target_link_options(nisim_flags INTERFACE --coverage)
endif()
if(NISIM_FUZZERS)
  target_compile_options(nisim_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_link_options(nisim_flags INTERFACE
  $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie> -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed)
target_compile_definitions(nisim_flags INTERFACE _GNU_SOURCE NISIM_VERSION="${PROJECT_VERSION}")
