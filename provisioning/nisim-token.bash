# Completion of nisim-token(1): made by the program itself, of the verbs and options that it has.
# shellcheck shell=bash
eval "$(nisim-token completion)"
