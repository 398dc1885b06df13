#!/bin/bash

__berth_cursor_index_in_current_word() {
    local remaining="${COMP_LINE}"

    local word
    for word in "${COMP_WORDS[@]::COMP_CWORD}"; do
        remaining="${remaining##*([[:space:]])"${word}"*([[:space:]])}"
    done

    local -ir index="$((COMP_POINT - ${#COMP_LINE} + ${#remaining}))"
    if [[ "${index}" -le 0 ]]; then
        printf 0
    else
        printf %s "${index}"
    fi
}

# positional arguments:
#
# - 1: the current (sub)command's count of positional arguments
#
# required variables:
#
# - repeating_flags: the repeating flags that the current (sub)command can accept
# - non_repeating_flags: the non-repeating flags that the current (sub)command can accept
# - repeating_options: the repeating options that the current (sub)command can accept
# - non_repeating_options: the non-repeating options that the current (sub)command can accept
# - positional_number: value ignored
# - unparsed_words: unparsed words from the current command line
#
# modified variables:
#
# - non_repeating_flags: remove flags for this (sub)command that are already on the command line
# - non_repeating_options: remove options for this (sub)command that are already on the command line
# - positional_number: set to the current positional number
# - unparsed_words: remove all flags, options, and option values for this (sub)command
__berth_offer_flags_options() {
    local -ir positional_count="${1}"
    positional_number=0

    local was_flag_option_terminator_seen=false
    local is_parsing_option_value=false

    local -ar unparsed_word_indices=("${!unparsed_words[@]}")
    local -i word_index
    for word_index in "${unparsed_word_indices[@]}"; do
        if "${is_parsing_option_value}"; then
            # This word is an option value:
            # Reset marker for next word iff not currently the last word
            [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]] && is_parsing_option_value=false
            unset "unparsed_words[${word_index}]"
            # Do not process this word as a flag or an option
            continue
        fi

        local word="${unparsed_words["${word_index}"]}"
        if ! "${was_flag_option_terminator_seen}"; then
            case "${word}" in
            --)
                unset "unparsed_words[${word_index}]"
                # by itself -- is a flag/option terminator, but if it is the last word, it is the start of a completion
                if [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]]; then
                    was_flag_option_terminator_seen=true
                fi
                continue
                ;;
            -*)
                # ${word} is a flag or an option
                # If ${word} is an option, mark that the next word to be parsed is an option value
                local option
                for option in "${repeating_options[@]}" "${non_repeating_options[@]}"; do
                    [[ "${word}" = "${option}" ]] && is_parsing_option_value=true && break
                done

                # Remove ${word} from ${non_repeating_flags} or ${non_repeating_options} so it isn't offered again
                local not_found=true
                local -i index
                for index in "${!non_repeating_flags[@]}"; do
                    if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                        unset "non_repeating_flags[${index}]"
                        non_repeating_flags=("${non_repeating_flags[@]}")
                        not_found=false
                        break
                    fi
                done
                if "${not_found}"; then
                    for index in "${!non_repeating_flags[@]}"; do
                        if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                            unset "non_repeating_flags[${index}]"
                            non_repeating_flags=("${non_repeating_flags[@]}")
                            break
                        fi
                    done
                fi
                unset "unparsed_words[${word_index}]"
                continue
                ;;
            esac
        fi

        # ${word} is neither a flag, nor an option, nor an option value
        if [[ "${positional_number}" -lt "${positional_count}" || "${positional_count}" -lt 0 ]]; then
            # ${word} is a positional
            ((positional_number++))
            unset "unparsed_words[${word_index}]"
        else
            if [[ -z "${word}" ]]; then
                # Could be completing a flag, option, or subcommand
                positional_number=-1
            else
                # ${word} is a subcommand or invalid, so stop processing this (sub)command
                positional_number=-2
            fi
            break
        fi
    done

    unparsed_words=("${unparsed_words[@]}")

    if\
        ! "${was_flag_option_terminator_seen}"\
        && ! "${is_parsing_option_value}"\
        && [[ ("${cur}" = -* && "${positional_number}" -ge 0) || "${positional_number}" -eq -1 ]]
    then
        COMPREPLY+=($(compgen -W "${repeating_flags[*]} ${non_repeating_flags[*]} ${repeating_options[*]} ${non_repeating_options[*]}" -- "${cur}"))
    fi
}

__berth_add_completions() {
    local completion
    while IFS='' read -r completion; do
        COMPREPLY+=("${completion}")
    done < <(IFS=$'\n' compgen "${@}" -- "${cur}")
}

__berth_custom_complete() {
    if [[ -n "${cur}" || -z ${COMP_WORDS[${COMP_CWORD}]} || "${COMP_LINE:${COMP_POINT}:1}" != ' ' ]]; then
        local -ar words=("${COMP_WORDS[@]}")
    else
        local -ar words=("${COMP_WORDS[@]::${COMP_CWORD}}" '' "${COMP_WORDS[@]:${COMP_CWORD}}")
    fi

    "${COMP_WORDS[0]}" "${@}" "${words[@]}"
}

_berth() {
    local state
    state="$(shopt -p;shopt -po)"
    trap "${state//$'\n'/;}" RETURN
    shopt -s extglob
    set +o history +o posix

    local -xr SAP_SHELL=bash
    local -x SAP_SHELL_VERSION
    SAP_SHELL_VERSION="$(IFS='.';printf %s "${BASH_VERSINFO[*]}")"
    local -r SAP_SHELL_VERSION

    local -r cur="${2}"
    local -r prev="${3}"

    local -i positional_number
    local -a unparsed_words=("${COMP_WORDS[@]:1:${COMP_CWORD}}")

    local -a repeating_flags=()
    local -a non_repeating_flags=(--dry-run --all-resources --compatibility -h --help)
    local -a repeating_options=(--file -f --profile --env-file)
    local -a non_repeating_options=(-p --project-name --project-directory --ansi --progress --parallel)
    __berth_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--file'|'-f')
        __berth_add_completions -o plusdirs -fX '!*.@(yaml|yml)'
        return
        ;;
    '-p'|'--project-name')
        return
        ;;
    '--profile')
        return
        ;;
    '--env-file')
        __berth_add_completions -f
        return
        ;;
    '--project-directory')
        __berth_add_completions -d
        return
        ;;
    '--ansi')
        return
        ;;
    '--progress')
        return
        ;;
    '--parallel')
        return
        ;;
    esac

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    up|down|ps|logs|exec|run|cp|export|stop|start|restart|kill|pause|unpause|rm|create|scale|wait|attach|top|stats|ls|port|volumes|pull|images|push|login|logout|tag|rmi|history|inspect|prune|save|load|import|du|network|config|check|explain|schema|version|help)
        # Offer subcommand argument completions
        "_berth_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'up down ps logs exec run cp export stop start restart kill pause unpause rm create scale wait attach top stats ls port volumes pull images push login logout tag rmi history inspect prune save load import du network config check explain schema version help' -- "${cur}"))
        ;;
    esac
}

_berth_up() {
    repeating_flags=()
    non_repeating_flags=(--detach -d --force-recreate --no-recreate --always-recreate-deps --no-start --no-deps -V --renew-anon-volumes --remove-orphans --quiet-pull --no-build --abort-on-container-exit --abort-on-container-failure --attach-dependencies --no-color --no-log-prefix --timestamps --wait --yes -y --dry-run -h --help)
    repeating_options=(--scale --attach --no-attach)
    non_repeating_options=(--pull --timeout -t --exit-code-from --wait-timeout)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--pull')
        return
        ;;
    '--scale')
        return
        ;;
    '--timeout'|'-t')
        return
        ;;
    '--exit-code-from')
        return
        ;;
    '--attach')
        return
        ;;
    '--no-attach')
        return
        ;;
    '--wait-timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion up -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_down() {
    repeating_flags=()
    non_repeating_flags=(--remove-orphans --volumes -v --dry-run -h --help)
    repeating_options=()
    non_repeating_options=(--timeout -t)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--timeout'|'-t')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion down -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_ps() {
    repeating_flags=()
    non_repeating_flags=(--all -a --no-trunc --orphans --no-orphans --quiet -q --services -h --help)
    repeating_options=(--status --filter)
    non_repeating_options=(--format)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--format')
        return
        ;;
    '--status')
        return
        ;;
    '--filter')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion ps -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_logs() {
    repeating_flags=()
    non_repeating_flags=(--follow -f --timestamps -t --no-color --no-log-prefix -h --help)
    repeating_options=()
    non_repeating_options=(-n --tail --index --since --until)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '-n'|'--tail')
        return
        ;;
    '--index')
        return
        ;;
    '--since')
        return
        ;;
    '--until')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion logs -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_exec() {
    repeating_flags=()
    non_repeating_flags=(--detach -d -T --no-tty --no-TTY --privileged -h --help)
    repeating_options=(--env -e)
    non_repeating_options=(--index --user -u --workdir -w)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--env'|'-e')
        return
        ;;
    '--index')
        return
        ;;
    '--user'|'-u')
        return
        ;;
    '--workdir'|'-w')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __berth_add_completions -W "$(__berth_custom_complete ---completion exec -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_run() {
    repeating_flags=()
    non_repeating_flags=(--detach -d --rm -T --no-tty --no-TTY --interactive -i --no-deps -P --service-ports --use-aliases --quiet -q --quiet-pull --remove-orphans -h --help)
    repeating_options=(--env -e --label -l --publish -p --volume -v --cap-add --cap-drop)
    non_repeating_options=(--entrypoint --name --user -u --workdir -w --pull)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--env'|'-e')
        return
        ;;
    '--entrypoint')
        return
        ;;
    '--label'|'-l')
        return
        ;;
    '--name')
        return
        ;;
    '--publish'|'-p')
        return
        ;;
    '--user'|'-u')
        return
        ;;
    '--volume'|'-v')
        return
        ;;
    '--workdir'|'-w')
        return
        ;;
    '--pull')
        return
        ;;
    '--cap-add')
        return
        ;;
    '--cap-drop')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __berth_add_completions -W "$(__berth_custom_complete ---completion run -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_cp() {
    repeating_flags=()
    non_repeating_flags=(--all --archive -a -L --follow-link -h --help)
    repeating_options=()
    non_repeating_options=(--index)
    __berth_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--index')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __berth_add_completions -W "$(__berth_custom_complete ---completion cp -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    2)
        __berth_add_completions -W "$(__berth_custom_complete ---completion cp -- positional@1 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_export() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=(--index --output -o)
    __berth_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--index')
        return
        ;;
    '--output'|'-o')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __berth_add_completions -W "$(__berth_custom_complete ---completion export -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_stop() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=(--timeout -t)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--timeout'|'-t')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion stop -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_start() {
    repeating_flags=()
    non_repeating_flags=(--wait -h --help)
    repeating_options=()
    non_repeating_options=(--wait-timeout)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--wait-timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion start -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_restart() {
    repeating_flags=()
    non_repeating_flags=(--no-deps -h --help)
    repeating_options=()
    non_repeating_options=(--timeout -t)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--timeout'|'-t')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion restart -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_kill() {
    repeating_flags=()
    non_repeating_flags=(--remove-orphans -h --help)
    repeating_options=()
    non_repeating_options=(--signal -s)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--signal'|'-s')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion kill -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_pause() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options -1

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion pause -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_unpause() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options -1

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion unpause -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_rm() {
    repeating_flags=()
    non_repeating_flags=(--all -a --force -f --stop -s --volumes -v -h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options -1

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion rm -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_create() {
    repeating_flags=()
    non_repeating_flags=(--no-build --force-recreate --no-recreate --quiet-pull --remove-orphans --yes -y -h --help)
    repeating_options=(--scale)
    non_repeating_options=(--pull)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--pull')
        return
        ;;
    '--scale')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion create -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_scale() {
    repeating_flags=()
    non_repeating_flags=(--no-deps -h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options -1

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion scale -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_wait() {
    repeating_flags=()
    non_repeating_flags=(--down-project -h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options -1

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion wait -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_attach() {
    repeating_flags=()
    non_repeating_flags=(--no-stdin -h --help)
    repeating_options=()
    non_repeating_options=(--detach-keys --index --sig-proxy)
    __berth_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--detach-keys')
        return
        ;;
    '--index')
        return
        ;;
    '--sig-proxy')
        __berth_add_completions -W 'true'$'\n''false'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __berth_add_completions -W "$(__berth_custom_complete ---completion attach -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_top() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options -1

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion top -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_stats() {
    repeating_flags=()
    non_repeating_flags=(--all -a --no-stream --no-trunc -h --help)
    repeating_options=()
    non_repeating_options=(--format)
    __berth_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--format')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __berth_add_completions -W "$(__berth_custom_complete ---completion stats -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_ls() {
    repeating_flags=()
    non_repeating_flags=(--all -a --quiet -q -h --help)
    repeating_options=(--filter)
    non_repeating_options=(--format)
    __berth_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--filter')
        return
        ;;
    '--format')
        return
        ;;
    esac
}

_berth_port() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=(--index --protocol)
    __berth_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--index')
        return
        ;;
    '--protocol')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __berth_add_completions -W "$(__berth_custom_complete ---completion port -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_volumes() {
    repeating_flags=()
    non_repeating_flags=(--quiet -q -h --help)
    repeating_options=()
    non_repeating_options=(--format)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--format')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion volumes -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_pull() {
    repeating_flags=()
    non_repeating_flags=(--ignore-pull-failures --ignore-buildable --include-deps --quiet -q -h --help)
    repeating_options=()
    non_repeating_options=(--policy)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--policy')
        __berth_add_completions -W 'always'$'\n''missing'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion pull -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_images() {
    repeating_flags=()
    non_repeating_flags=(--quiet -q --all -a --digests --no-trunc -h --help)
    repeating_options=(--filter)
    non_repeating_options=(--format)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--format')
        return
        ;;
    '--filter')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion images -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_push() {
    repeating_flags=()
    non_repeating_flags=(--ignore-push-failures --include-deps --quiet -q -h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options -1

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion push -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_login() {
    repeating_flags=()
    non_repeating_flags=(--password-stdin -h --help)
    repeating_options=()
    non_repeating_options=(--username -u --password -p)
    __berth_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--username'|'-u')
        return
        ;;
    '--password'|'-p')
        return
        ;;
    esac
}

_berth_logout() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options 1
}

_berth_tag() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options 2

    # Offer positional completions
    case "${positional_number}" in
    1)
        __berth_add_completions -W "$(__berth_custom_complete ---completion tag -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    2)
        __berth_add_completions -W "$(__berth_custom_complete ---completion tag -- positional@1 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_rmi() {
    repeating_flags=()
    non_repeating_flags=(--force -f --no-prune -h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options -1

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion rmi -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_history() {
    repeating_flags=()
    non_repeating_flags=(--no-trunc --quiet -q -h --help)
    repeating_options=()
    non_repeating_options=(--format)
    __berth_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--format')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __berth_add_completions -W "$(__berth_custom_complete ---completion history -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_inspect() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=(--format)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--format')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion inspect -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_prune() {
    repeating_flags=()
    non_repeating_flags=(--all -a --force -f -h --help)
    repeating_options=(--filter)
    non_repeating_options=()
    __berth_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--filter')
        return
        ;;
    esac
}

_berth_save() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=(--output -o)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--output'|'-o')
        __berth_add_completions -o plusdirs -fX '!*.@(tar)'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion save -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_load() {
    repeating_flags=()
    non_repeating_flags=(--quiet -q -h --help)
    repeating_options=()
    non_repeating_options=(--input -i --platform)
    __berth_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--input'|'-i')
        __berth_add_completions -f
        return
        ;;
    '--platform')
        return
        ;;
    esac
}

_berth_import() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=(--change -c)
    non_repeating_options=(--message -m --platform)
    __berth_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--change'|'-c')
        return
        ;;
    '--message'|'-m')
        return
        ;;
    '--platform')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __berth_add_completions -f
        return
        ;;
    2)
        __berth_add_completions -W "$(__berth_custom_complete ---completion import -- positional@1 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_du() {
    repeating_flags=()
    non_repeating_flags=(--verbose -v -h --help)
    repeating_options=()
    non_repeating_options=(--format)
    __berth_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--format')
        return
        ;;
    esac
}

_berth_network() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    ls|inspect|create|rm|prune|connect|disconnect)
        # Offer subcommand argument completions
        "_berth_network_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'ls inspect create rm prune connect disconnect' -- "${cur}"))
        ;;
    esac
}

_berth_network_ls() {
    repeating_flags=()
    non_repeating_flags=(--no-trunc --quiet -q -h --help)
    repeating_options=(--filter -f)
    non_repeating_options=(--format)
    __berth_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--filter'|'-f')
        return
        ;;
    '--format')
        return
        ;;
    esac
}

_berth_network_inspect() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=(--format -f)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--format'|'-f')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion network inspect -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_network_create() {
    repeating_flags=()
    non_repeating_flags=(--attachable --internal --ipv4 --no-ipv4 --ipv6 -h --help)
    repeating_options=(--aux-address --gateway --ip-range --label -o --opt --subnet)
    non_repeating_options=(--driver -d)
    __berth_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--aux-address')
        return
        ;;
    '--driver'|'-d')
        return
        ;;
    '--gateway')
        return
        ;;
    '--ip-range')
        return
        ;;
    '--label')
        return
        ;;
    '-o'|'--opt')
        return
        ;;
    '--subnet')
        return
        ;;
    esac
}

_berth_network_rm() {
    repeating_flags=()
    non_repeating_flags=(--force -f -h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options -1

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion network rm -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_network_prune() {
    repeating_flags=()
    non_repeating_flags=(--force -f -h --help)
    repeating_options=(--filter)
    non_repeating_options=()
    __berth_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--filter')
        return
        ;;
    esac
}

_berth_network_connect() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=(--alias --driver-opt --link --link-local-ip)
    non_repeating_options=(--ip --ip6)
    __berth_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--alias')
        return
        ;;
    '--driver-opt')
        return
        ;;
    '--ip')
        return
        ;;
    '--ip6')
        return
        ;;
    '--link')
        return
        ;;
    '--link-local-ip')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __berth_add_completions -W "$(__berth_custom_complete ---completion network connect -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    2)
        __berth_add_completions -W "$(__berth_custom_complete ---completion network connect -- positional@1 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_network_disconnect() {
    repeating_flags=()
    non_repeating_flags=(--force -f -h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options 2

    # Offer positional completions
    case "${positional_number}" in
    1)
        __berth_add_completions -W "$(__berth_custom_complete ---completion network disconnect -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    2)
        __berth_add_completions -W "$(__berth_custom_complete ---completion network disconnect -- positional@1 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_config() {
    repeating_flags=()
    non_repeating_flags=(--quiet -q --services --volumes --networks --profiles --images --models --environment --variables --no-interpolate --no-normalize --no-path-resolution --no-consistency --no-env-resolution --resolve-image-digests --lock-image-digests -h --help)
    repeating_options=()
    non_repeating_options=(--format --output -o --explain --hash)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--format')
        return
        ;;
    '--output'|'-o')
        __berth_add_completions -f
        return
        ;;
    '--explain')
        return
        ;;
    '--hash')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion config -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_check() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=(--format)
    __berth_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--format')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __berth_add_completions -W "$(__berth_custom_complete ---completion check -- positional@0 "${COMP_CWORD}" "$(__berth_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_berth_explain() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=()
    __berth_offer_flags_options 1

    # Offer positional completions
    case "${positional_number}" in
    1)
        __berth_add_completions -W 'B0101'$'\n''B0102'$'\n''B0103'$'\n''B0104'$'\n''B0105'$'\n''B0106'$'\n''B0110'$'\n''B0111'$'\n''B0112'$'\n''B0113'$'\n''B0114'$'\n''B0115'$'\n''B0116'$'\n''B0117'$'\n''B0120'$'\n''B0121'$'\n''B0122'$'\n''B0130'$'\n''B0131'$'\n''B0132'$'\n''B0140'$'\n''B0141'$'\n''B0142'$'\n''B0143'$'\n''B0144'$'\n''B0150'$'\n''B0151'$'\n''B0152'$'\n''B0153'$'\n''B0154'$'\n''B0155'$'\n''B0156'$'\n''B0160'$'\n''B0161'$'\n''B0170'$'\n''B0171'$'\n''B0172'$'\n''B0173'$'\n''B0174'$'\n''B0175'$'\n''B0176'$'\n''B0177'
        return
        ;;
    esac
}

_berth_schema() {
    repeating_flags=()
    non_repeating_flags=(-h --help)
    repeating_options=()
    non_repeating_options=(--output -o)
    __berth_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--output'|'-o')
        __berth_add_completions -f
        return
        ;;
    esac
}

_berth_version() {
    repeating_flags=()
    non_repeating_flags=(--short -h --help)
    repeating_options=()
    non_repeating_options=(--format -f)
    __berth_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--format'|'-f')
        return
        ;;
    esac
}

_berth_help() {
    :
}

complete -o filenames -F _berth berth
