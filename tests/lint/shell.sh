#!/bin/bash
# The project's scripts: shellcheck, and Python that compiles.
# shellcheck source=tests/lint/common.sh
. "$(dirname "$0")/common.sh"

mapfile -t scripts < <(project_files | while IFS= read -r file; do
    case $(head -c 20 "$file" | tr -d '\0') in
    '#!/bin/sh'* | '#!/bin/bash'* | '# shellcheck shell='*) printf '%s\n' "$file" ;;
    esac
done)
# SC2317, SC2329: functions that xargs, trap or a sourcing script call.
shellcheck -x --exclude=SC2317,SC2329 --format=gcc "${scripts[@]}" | findings_of shellcheck

mapfile -t programs < <(project_files | grep '\.py$')
[ ${#programs[@]} = 0 ] || /usr/bin/python3 - "${programs[@]}" <<'END' | findings_of python3
import ast, sys
for path in sys.argv[1:]:
    try:
        ast.parse(open(path).read(), path)
    except SyntaxError as error:
        print(f"{path}:{error.lineno}: {error.msg}")
END
finish "${#scripts[@]} scripts and ${#programs[@]} Python files"
