#include "completion.h"

#include <stdio.h>

void completion_begin(void)
{
    fputs("# nisim-token(1) for bash: source <(nisim-token completion)\n"
          "_nisim_token() {\n"
          "    local word verb='' skip='' current=${COMP_WORDS[COMP_CWORD]}\n"
          "    local -a verbs=()\n"
          "    local -A options=()\n"
          "    COMPREPLY=()\n"
          "    case ${COMP_WORDS[COMP_CWORD - 1]} in\n    ",
          stdout);
    arguments_print_patterns(true);
    fputs(")\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
          "        return ;;\n    ",
          stdout);
    arguments_print_patterns(false);
    fputs(")\n"
          "        return ;;\n"
          "    esac\n",
          stdout);
}

void completion_verb(const char *verb, verb_set bit)
{
    printf("    verbs+=('%s'); options['%s']='", verb, verb);
    arguments_print_options(bit);
    puts("'");
}

void completion_end(void)
{
    fputs("    for word in \"${COMP_WORDS[@]:1:COMP_CWORD - 1}\"; do\n"
          "        if [ -n \"$skip\" ]; then\n"
          "            skip=''\n"
          "            continue\n"
          "        fi\n"
          "        case $word in\n        ",
          stdout);
    arguments_print_patterns(true);
    fputs(" | ", stdout);
    arguments_print_patterns(false);
    fputs(") skip=1 ;;\n"
          "        -*) ;;\n"
          "        *) [ -n \"${options[${verb:-none}]-}\" ] || verb=\"${verb:+$verb }$word\" ;;\n"
          "        esac\n"
          "    done\n"
          "    if [ -n \"${options[${verb:-none}]-}\" ]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"${options[$verb]}\" -- \"$current\")\n"
          "        return\n"
          "    fi\n"
          "    mapfile -t COMPREPLY < <(compgen -W \"$(for word in \"${verbs[@]}\"; do\n"
          "        [[ $word != \"${verb:+$verb }\"* ]] || echo \"${word#\"${verb:+$verb }\"}\"\n"
          "    done | cut -d ' ' -f 1 | sort -u)\" -- \"$current\")\n"
          "}\n"
          "complete -F _nisim_token nisim-token\n",
          stdout);
}
