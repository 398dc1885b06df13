function __berth_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __berth_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __berth_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __berth_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __berth_parse_tokens -S
    set -l unparsed_tokens (__berth_tokens -pc)
    switch $unparsed_tokens[1]
    case 'berth'
        __berth_parse_subcommand 0 'f/file=+' 'p/project-name=' 'profile=+' 'env-file=+' 'project-directory=' 'ansi=' 'progress=' 'parallel=' 'dry-run' 'all-resources' 'compatibility' 'h/help'
        switch $unparsed_tokens[1]
        case 'up'
            __berth_parse_subcommand -r 1 'd/detach' 'force-recreate' 'no-recreate' 'always-recreate-deps' 'no-start' 'no-deps' 'V/renew-anon-volumes' 'remove-orphans' 'pull=' 'quiet-pull' 'no-build' 'scale=+' 't/timeout=' 'abort-on-container-exit' 'abort-on-container-failure' 'exit-code-from=' 'attach=+' 'no-attach=+' 'attach-dependencies' 'no-color' 'no-log-prefix' 'timestamps' 'wait' 'wait-timeout=' 'y/yes' 'dry-run' 'h/help'
        case 'down'
            __berth_parse_subcommand -r 1 'remove-orphans' 't/timeout=' 'v/volumes' 'dry-run' 'h/help'
        case 'ps'
            __berth_parse_subcommand -r 1 'a/all' 'format=' 'no-trunc' 'orphans' 'no-orphans' 'q/quiet' 'services' 'status=+' 'filter=+' 'h/help'
        case 'logs'
            __berth_parse_subcommand -r 1 'f/follow' 'n/tail=' 't/timestamps' 'no-color' 'no-log-prefix' 'index=' 'since=' 'until=' 'h/help'
        case 'exec'
            __berth_parse_subcommand -r 2 'd/detach' 'e/env=+' 'index=' 'T/no-tty' 'privileged' 'u/user=' 'w/workdir=' 'h/help'
        case 'run'
            __berth_parse_subcommand -r 2 'd/detach' 'rm' 'e/env=+' 'entrypoint=' 'l/label=+' 'name=' 'T/no-tty' 'i/interactive' 'no-deps' 'p/publish=+' 'P/service-ports' 'use-aliases' 'u/user=' 'v/volume=+' 'w/workdir=' 'pull=' 'q/quiet' 'quiet-pull' 'remove-orphans' 'cap-add=+' 'cap-drop=+' 'h/help'
        case 'cp'
            __berth_parse_subcommand 2 'all' 'a/archive' 'L/follow-link' 'index=' 'h/help'
        case 'stop'
            __berth_parse_subcommand -r 1 't/timeout=' 'h/help'
        case 'start'
            __berth_parse_subcommand -r 1 'wait' 'wait-timeout=' 'h/help'
        case 'pause'
            __berth_parse_subcommand -r 1 'h/help'
        case 'unpause'
            __berth_parse_subcommand -r 1 'h/help'
        case 'attach'
            __berth_parse_subcommand 1 'detach-keys=' 'index=' 'no-stdin' 'sig-proxy=' 'h/help'
        case 'pull'
            __berth_parse_subcommand -r 1 'ignore-pull-failures' 'ignore-buildable' 'include-deps' 'policy=' 'q/quiet' 'h/help'
        case 'images'
            __berth_parse_subcommand -r 1 'format=' 'q/quiet' 'a/all' 'digests' 'no-trunc' 'filter=+' 'h/help'
        case 'push'
            __berth_parse_subcommand -r 1 'ignore-push-failures' 'include-deps' 'q/quiet' 'h/help'
        case 'login'
            __berth_parse_subcommand 1 'u/username=' 'p/password=' 'password-stdin' 'h/help'
        case 'logout'
            __berth_parse_subcommand 1 'h/help'
        case 'tag'
            __berth_parse_subcommand 2 'h/help'
        case 'rmi'
            __berth_parse_subcommand -r 1 'f/force' 'no-prune' 'h/help'
        case 'history'
            __berth_parse_subcommand 1 'no-trunc' 'q/quiet' 'format=' 'h/help'
        case 'inspect'
            __berth_parse_subcommand -r 1 'format=' 'h/help'
        case 'prune'
            __berth_parse_subcommand 0 'a/all' 'f/force' 'filter=+' 'h/help'
        case 'save'
            __berth_parse_subcommand -r 1 'o/output=' 'h/help'
        case 'load'
            __berth_parse_subcommand 0 'i/input=' 'platform=' 'q/quiet' 'h/help'
        case 'import'
            __berth_parse_subcommand 2 'c/change=+' 'm/message=' 'platform=' 'h/help'
        case 'du'
            __berth_parse_subcommand 0 'v/verbose' 'format=' 'h/help'
        case 'config'
            __berth_parse_subcommand -r 1 'format=' 'o/output=' 'q/quiet' 'explain=' 'services' 'volumes' 'networks' 'profiles' 'images' 'models' 'hash=' 'environment' 'variables' 'no-interpolate' 'no-normalize' 'no-path-resolution' 'no-consistency' 'no-env-resolution' 'resolve-image-digests' 'lock-image-digests' 'h/help'
        case 'check'
            __berth_parse_subcommand -r 1 'format=' 'h/help'
        case 'explain'
            __berth_parse_subcommand 1 'h/help'
        case 'schema'
            __berth_parse_subcommand 0 'o/output=' 'h/help'
        case 'version'
            __berth_parse_subcommand 0 'f/format=' 'short' 'h/help'
        case 'help'
            __berth_parse_subcommand -r 1 
        end
    end
end

function __berth_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __berth_parse_subcommand -S -a positional_count
    argparse -s r -- $argv
    set -l option_specs $argv[2..]
    set -l is_repeating_positional $_flag_r
    set -el _flag_r
    set -a commands $unparsed_tokens[1]
    set positional_index 0
    while true
        set -e unparsed_tokens[1]
        argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null
        set unparsed_tokens $argv
        set positional_index (math $positional_index + 1)
        for non_repeating_flag_or_option in $non_repeating_flags_or_options
            if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
                set non_repeating_flags_or_options_absent 1
                break
            end
        end
        test (count $unparsed_tokens) -eq 0 -o \( -z "$is_repeating_positional" -a "$positional_index" -gt "$positional_count" \) && break
    end
end

function __berth_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __berth_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__berth_tokens -p)
    if test -z "$(__berth_tokens -t)"
        set -l index (count (__berth_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'berth' -f
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth"' -l 'file' -s 'f' -d 'Compose configuration files; `-` reads standard input' -rfa '(set -l exts \'yaml\' \'yml\';for p in (string match -e -- \'*/\' (commandline -t);or printf \n)*.{$exts};printf %s\n $p;end;__fish_complete_directories (commandline -t) \'\')'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth" p project-name' -s 'p' -l 'project-name' -d 'Project name' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth"' -l 'profile' -d 'Profile to enable; `*` enables all' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth"' -l 'env-file' -d 'Environment file in place of `.env`' -rF
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth" project-directory' -l 'project-directory' -d 'Folder that relative paths and the default name come from' -rfa '(__berth_complete_directories)'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth" ansi' -l 'ansi' -d 'When to print colours and cursor codes: never, always, auto' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth" progress' -l 'progress' -d 'How to show progress: auto, tty, plain, json, quiet' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth" parallel' -l 'parallel' -d 'Maximum number of transfers at once, -1 for no limit' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth" dry-run' -l 'dry-run' -d 'Show what would be done, and do nothing'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth" all-resources' -l 'all-resources' -d 'Keep networks and volumes that no service uses'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth" compatibility' -l 'compatibility' -d 'Separate names by `_` as compose v1 did'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'up' -d 'Create and start containers'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'down' -d 'Stop and remove containers and networks'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'ps' -d 'List containers'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'logs' -d 'Show the output of containers'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'exec' -d 'Run a command in a running container'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'run' -d 'Run a one-off command on a service'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'cp' -d 'Copy files between containers and this machine'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'stop' -d 'Stop services; their containers stay'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'start' -d 'Start existing containers'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'pause' -d 'Let services stand still'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'unpause' -d 'Let paused services go on'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'attach' -d 'See what a service says from now on, and type to it'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'pull' -d 'Pull the images of services, or images by their names'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'images' -d 'List the images of the project\'s containers, or all'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'push' -d 'Push images to their registries'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'login' -d 'Log in to a registry, and keep the password for pull and push'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'logout' -d 'Forget the password for a registry'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'tag' -d 'Give an image one more name'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'rmi' -d 'Remove names of images, and images with their last name'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'history' -d 'Show how an image was made'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'inspect' -d 'Show all that is known about images, as JSON'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'prune' -d 'Remove unused images'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'save' -d 'Write images to a tar file'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'load' -d 'Bring in images from a file'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'import' -d 'Make an image of one layer from a root file system'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'du' -d 'Show what berth takes of the disk'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'config' -d 'Check the compose file and print it in canonical form'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'check' -d 'Tell all that is wrong with the compose files'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'explain' -d 'Explain the code of a message, such as B0110'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'schema' -d 'Print the JSON schema of compose files, for editors'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'version' -d 'Show the version'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" d detach' -l 'detach' -s 'd' -d 'Run containers in the background'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" force-recreate' -l 'force-recreate' -d 'Recreate containers even if nothing changed'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" no-recreate' -l 'no-recreate' -d 'Leave existing containers as they are'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" always-recreate-deps' -l 'always-recreate-deps' -d 'Recreate dependent containers too'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" no-start' -l 'no-start' -d 'Create containers without starting them'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" no-deps' -l 'no-deps' -d 'Do not start linked services'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" V renew-anon-volumes' -s 'V' -l 'renew-anon-volumes' -d 'Renew anonymous volumes'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" remove-orphans' -l 'remove-orphans' -d 'Remove containers of services that the file no longer has'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" pull' -l 'pull' -d 'Pull images: always, missing, never' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" quiet-pull' -l 'quiet-pull' -d 'Pull without progress'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" no-build' -l 'no-build' -d 'Do not build images'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up"' -l 'scale' -d 'Number of containers of a service: SERVICE=NUM' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" t timeout' -l 'timeout' -s 't' -d 'Seconds to wait when containers are stopped' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" abort-on-container-exit' -l 'abort-on-container-exit' -d 'Stop everything when one container stops'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" abort-on-container-failure' -l 'abort-on-container-failure' -d 'Stop everything when one container fails'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" exit-code-from' -l 'exit-code-from' -d 'Exit with the status of this service\'s container' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up"' -l 'attach' -d 'Show the output of this service only' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up"' -l 'no-attach' -d 'Do not show the output of this service' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" attach-dependencies' -l 'attach-dependencies' -d 'Show the output of dependencies too'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" no-color' -l 'no-color' -d 'No colours'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" no-log-prefix' -l 'no-log-prefix' -d 'No names before lines'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" timestamps' -l 'timestamps' -d 'Time before lines'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" wait' -l 'wait' -d 'Wait until services run or are healthy; implies --detach'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" wait-timeout' -l 'wait-timeout' -d 'Seconds to wait at most with --wait' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" y yes' -l 'yes' -s 'y' -d 'Answer yes to every question'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" dry-run' -l 'dry-run' -d 'Show what would be done, and do nothing'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth up" -ge 1' -fka '(__berth_custom_completion ---completion up -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth up" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth down" remove-orphans' -l 'remove-orphans' -d 'Remove containers of services that the file no longer has'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth down" t timeout' -l 'timeout' -s 't' -d 'Seconds to wait for containers to stop' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth down" v volumes' -l 'volumes' -s 'v' -d 'Remove named volumes and anonymous ones too'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth down" dry-run' -l 'dry-run' -d 'Show what would be done, and do nothing'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth down" -ge 1' -fka '(__berth_custom_completion ---completion down -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth down" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth ps" a all' -l 'all' -s 'a' -d 'Also stopped containers and those made by run'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth ps" format' -l 'format' -d 'table or json' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth ps" no-trunc' -l 'no-trunc' -d 'Do not cut output'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth ps" orphans' -l 'orphans' -d 'Containers of services that the file no longer has'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth ps" no-orphans' -l 'no-orphans' -d 'Containers of services that the file no longer has'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth ps" q quiet' -l 'quiet' -s 'q' -d 'Only ids'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth ps" services' -l 'services' -d 'Only the names of services'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth ps"' -l 'status' -d 'Only containers in this state' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth ps"' -l 'filter' -d 'status=STATE' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth ps" -ge 1' -fka '(__berth_custom_completion ---completion ps -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth ps" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth logs" f follow' -l 'follow' -s 'f' -d 'Go on with new output'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth logs" n tail' -s 'n' -l 'tail' -d 'Lines from the end of each container\'s log' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth logs" t timestamps' -l 'timestamps' -s 't' -d 'Time before lines'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth logs" no-color' -l 'no-color' -d 'No colours'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth logs" no-log-prefix' -l 'no-log-prefix' -d 'No names before lines'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth logs" index' -l 'index' -d 'Only the container with this number; needs one service' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth logs" since' -l 'since' -d 'Output since then: a time (RFC 3339) or an age such as 10m' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth logs" until' -l 'until' -d 'Output until then' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth logs" -ge 1' -fka '(__berth_custom_completion ---completion logs -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth logs" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth exec" d detach' -l 'detach' -s 'd' -d 'Run in the background'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth exec"' -l 'env' -s 'e' -d 'Environment: NAME=VALUE, or NAME to pass yours on' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth exec" index' -l 'index' -d 'Number of the container' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth exec" T no-TTY no-tty' -s 'T' -l 'no-tty' -l 'no-TTY' -d 'No terminal'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth exec" privileged' -l 'privileged' -d 'All capabilities'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth exec" u user' -l 'user' -s 'u' -d 'User, as in `user:` of a service' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth exec" w workdir' -l 'workdir' -s 'w' -d 'Working folder' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth exec" -eq 1' -fka '(__berth_custom_completion ---completion exec -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth exec" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" d detach' -l 'detach' -s 'd' -d 'Run in the background and print the container\'s id'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" rm' -l 'rm' -d 'Remove the container when it exits'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run"' -l 'env' -s 'e' -d 'Environment: NAME=VALUE, or NAME to pass yours on' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" entrypoint' -l 'entrypoint' -d 'Replaces the entrypoint' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run"' -l 'label' -s 'l' -d 'Label: NAME=VALUE' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" name' -l 'name' -d 'Name of the container' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" T no-TTY no-tty' -s 'T' -l 'no-tty' -l 'no-TTY' -d 'No terminal'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" i interactive' -l 'interactive' -s 'i' -d 'Keep stdin open'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" no-deps' -l 'no-deps' -d 'Do not start the services that this one depends on'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run"' -l 'publish' -s 'p' -d 'Publish a port' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" P service-ports' -s 'P' -l 'service-ports' -d 'Publish the service\'s ports'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" use-aliases' -l 'use-aliases' -d 'Use the service\'s network aliases'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" u user' -l 'user' -s 'u' -d 'User, as in `user:` of a service' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run"' -l 'volume' -s 'v' -d 'Mount, as in `volumes:` of a service' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" w workdir' -l 'workdir' -s 'w' -d 'Working folder' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" pull' -l 'pull' -d 'Pull images: always, missing, never' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" q quiet' -l 'quiet' -s 'q' -d 'No progress'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" quiet-pull' -l 'quiet-pull' -d 'Pull without progress'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" remove-orphans' -l 'remove-orphans' -d 'Remove containers of services that the file no longer has'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run"' -l 'cap-add' -d 'Add a capability' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run"' -l 'cap-drop' -d 'Drop a capability' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth run" -eq 1' -fka '(__berth_custom_completion ---completion run -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth run" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth cp" all' -l 'all' -d 'Include containers that `run` has made'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth cp" a archive' -l 'archive' -s 'a' -d 'Keep owners, and the bits that change them'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth cp" L follow-link' -s 'L' -l 'follow-link' -d 'Follow a link at the end of the source\'s path'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth cp" index' -l 'index' -d 'Number of the container' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth cp" -eq 1' -fka '(__berth_custom_completion ---completion cp -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth cp" -eq 2' -fka '(__berth_custom_completion ---completion cp -- positional@1 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth cp" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth stop" t timeout' -l 'timeout' -s 't' -d 'Seconds to wait for containers to stop' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth stop" -ge 1' -fka '(__berth_custom_completion ---completion stop -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth stop" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth start" wait' -l 'wait' -d 'Wait until services run or are healthy'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth start" wait-timeout' -l 'wait-timeout' -d 'Seconds to wait at most with --wait' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth start" -ge 1' -fka '(__berth_custom_completion ---completion start -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth start" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth pause" -ge 1' -fka '(__berth_custom_completion ---completion pause -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth pause" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth unpause" -ge 1' -fka '(__berth_custom_completion ---completion unpause -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth unpause" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth attach" detach-keys' -l 'detach-keys' -d 'Keys that leave the container running; empty for none' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth attach" index' -l 'index' -d 'Number of the container' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth attach" no-stdin' -l 'no-stdin' -d 'Do not pass input on'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth attach" sig-proxy' -l 'sig-proxy' -d 'Pass signals on: true or false' -rfka 'true false'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth attach" -eq 1' -fka '(__berth_custom_completion ---completion attach -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth attach" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth pull" ignore-pull-failures' -l 'ignore-pull-failures' -d 'Pull what can be pulled; failures are said and passed over'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth pull" ignore-buildable' -l 'ignore-buildable' -d 'Leave out images that can be built'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth pull" include-deps' -l 'include-deps' -d 'Also the images of services that these depend on'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth pull" policy' -l 'policy' -d 'missing: only images that are not here, and `latest`; always' -rfka 'always missing'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth pull" q quiet' -l 'quiet' -s 'q' -d 'No progress'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth pull" -ge 1' -fka '(__berth_custom_completion ---completion pull -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth pull" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth images" format' -l 'format' -d 'table or json' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth images" q quiet' -l 'quiet' -s 'q' -d 'Only ids'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth images" a all' -l 'all' -s 'a' -d 'All images of this machine'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth images" digests' -l 'digests' -d 'With --all: show repository digests'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth images" no-trunc' -l 'no-trunc' -d 'With --all: show whole ids'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth images"' -l 'filter' -d 'With --all: dangling=true|false, reference=PATTERN, before=IMAGE, since=IMAGE, label=KEY[=VALUE]' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth images" -ge 1' -fka '(__berth_custom_completion ---completion images -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth images" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth push" ignore-push-failures' -l 'ignore-push-failures' -d 'Push what can be pushed; failures are said and passed over'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth push" include-deps' -l 'include-deps' -d 'Also the images of services that these depend on'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth push" q quiet' -l 'quiet' -s 'q' -d 'No progress'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth push" -ge 1' -fka '(__berth_custom_completion ---completion push -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth push" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth login" u username' -l 'username' -s 'u' -d 'User name' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth login" p password' -l 'password' -s 'p' -d 'Password; others on this machine can see it while this runs' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth login" password-stdin' -l 'password-stdin' -d 'Read the password from standard input'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth login" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth logout" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth tag" -eq 1' -fka '(__berth_custom_completion ---completion tag -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth tag" -eq 2' -fka '(__berth_custom_completion ---completion tag -- positional@1 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth tag" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth rmi" f force' -l 'force' -s 'f' -d 'Also all names of one image, and names that a container uses'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth rmi" no-prune' -l 'no-prune' -d 'Keep untagged parents; images here have none, so nothing changes'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth rmi" -ge 1' -fka '(__berth_custom_completion ---completion rmi -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth rmi" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth history" no-trunc' -l 'no-trunc' -d 'Do not cut output'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth history" q quiet' -l 'quiet' -s 'q' -d 'Only ids'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth history" format' -l 'format' -d 'table or json' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth history" -eq 1' -fka '(__berth_custom_completion ---completion history -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth history" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth inspect" format' -l 'format' -d 'json' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth inspect" -ge 1' -fka '(__berth_custom_completion ---completion inspect -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth inspect" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth prune" a all' -l 'all' -s 'a' -d 'All images that no container uses, not only those without a tag'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth prune" f force' -l 'force' -s 'f' -d 'Do not ask'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth prune"' -l 'filter' -d 'until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth prune" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth save" o output' -l 'output' -s 'o' -d 'The file, which is there whole or not at all; standard output if none' -rfa '(for p in (string match -e -- \'*/\' (commandline -t);or printf \n)*.\'tar\';printf %s\n $p;end;__fish_complete_directories (commandline -t) \'\')'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth save" -ge 1' -fka '(__berth_custom_completion ---completion save -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth save" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth load" i input' -l 'input' -s 'i' -d 'The file, or a folder with an OCI layout; standard input if none' -rF
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth load" platform' -l 'platform' -d 'Out of an image for several platforms the one for this' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth load" q quiet' -l 'quiet' -s 'q' -d 'No progress'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth load" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth import"' -l 'change' -s 'c' -d 'An instruction for the image: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth import" m message' -l 'message' -s 'm' -d 'What the image\'s history says of it' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth import" platform' -l 'platform' -d 'What the image is for; this machine if not said' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth import" -eq 1' -F
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth import" -eq 2' -fka '(__berth_custom_completion ---completion import -- positional@1 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth import" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth du" v verbose' -l 'verbose' -s 'v' -d 'Each image, container and volume'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth du" format' -l 'format' -d 'table or json' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth du" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" format' -l 'format' -d 'yaml or json; for --variables also table' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" o output' -l 'output' -s 'o' -d 'Write to this file' -rF
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" q quiet' -l 'quiet' -s 'q' -d 'Only check'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" explain' -l 'explain' -d 'Which file and line set a value: a path such as services.web.ports' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" services' -l 'services' -d 'Names of the services, one on each line'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" volumes' -l 'volumes' -d 'Names of the volumes'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" networks' -l 'networks' -d 'Names of the networks'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" profiles' -l 'profiles' -d 'Names of the profiles'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" images' -l 'images' -d 'Names of the images'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" models' -l 'models' -d 'Names of the models'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" hash' -l 'hash' -d 'Hashes of services: a name, a list separated by commas, or *' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" environment' -l 'environment' -d 'The variables that interpolation sees'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" variables' -l 'variables' -d 'The variables that the files use'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" no-interpolate' -l 'no-interpolate' -d 'Keep variables as they are written'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" no-normalize' -l 'no-normalize' -d 'Leave out defaults'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" no-path-resolution' -l 'no-path-resolution' -d 'Keep paths as they are written'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" no-consistency' -l 'no-consistency' -d 'Do not check references'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" no-env-resolution' -l 'no-env-resolution' -d 'Do not read env files of services'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" resolve-image-digests' -l 'resolve-image-digests' -d 'Name images by digest'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" lock-image-digests' -l 'lock-image-digests' -d 'Print a file that pins images by digest'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth config" -ge 1' -fka '(__berth_custom_completion ---completion config -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth config" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth check" format' -l 'format' -d 'text or json' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth check" -ge 1' -fka '(__berth_custom_completion ---completion check -- positional@0 (count (__berth_tokens -pc)) (__berth_tokens -tC))'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth check" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_positional "berth explain" -eq 1' -fka 'B0101 B0102 B0103 B0104 B0105 B0106 B0110 B0111 B0112 B0113 B0114 B0115 B0116 B0117 B0120 B0121 B0122 B0130 B0131 B0132 B0140 B0141 B0142 B0143 B0144 B0150 B0151 B0152 B0153 B0154 B0155 B0156 B0160 B0161 B0170 B0171 B0172 B0173 B0174 B0175 B0176 B0177'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth explain" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth schema" o output' -l 'output' -s 'o' -d 'Write to this file' -rF
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth schema" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth version" f format' -l 'format' -s 'f' -d 'pretty or json' -rfka ''
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth version" short' -l 'short' -d 'Only the number'
complete -c 'berth' -n '__berth_should_offer_completions_for_flags_or_options "berth version" h help' -s 'h' -l 'help' -d 'Show help information.'
