# fish completion for berth, as `berth completion fish` prints it.

function __berth_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct | string unescape)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    set -l lines ($program __complete $words[2..-1] "$word" 2>/dev/null)
    set -l directive (string match -rg '^:([0-9]+)$' -- $lines[-1])
    or return
    set -e lines[-1]
    set -l lead (string match -r '^-[^=]*=' -- "$word")
    if test (math "bitand($directive, 16)") -ne 0
        __fish_complete_directories (string replace -- "$lead" '' "$word")
    else if test (math "bitand($directive, 8)") -ne 0
        set -l endings (string join '|' -- '/' '\.'$lines)
        __fish_complete_path (string replace -- "$lead" '' "$word") |
            string match -r -- "^.*(?:$endings)(?:\t.*)?\$"
    else
        for line in $lines
            echo -- "$lead$line"
        end
        if test (math "bitand($directive, 4)") -eq 0
            __fish_complete_path (string replace -- "$lead" '' "$word")
        end
    end
end

complete -c berth -f -k -a '(__berth_complete)'
