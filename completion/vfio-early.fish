# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion of vfio-early for fish. Commands and options are the program's own: it is asked for
# its --help, so that there is no second list of them.

function __vfio_early_commands
    vfio-early --help 2>/dev/null | string replace -rf '^  ([a-z][a-z-]*) +(.*)' '$1\t$2'
end

function __vfio_early_options
    set -l command (commandline -opc)[2]
    vfio-early $command --help 2>/dev/null |
        string replace -rf '^  (?:..[, ] )? *(--[a-z-]+)(?: [A-Z]+)? +(.*)' '$1\t$2'
end

# The devices of the machine in --root, without bridges; for remove those that have a line.
function __vfio_early_devices
    set -l words (commandline -opc)
    set -l root /
    set -l place (contains -i -- --root $words)
    and set root $words[(math $place + 1)]
    set -l start ''
    test "$words[2]" = remove
    and set start '[^ ]'
    vfio-early list --root "$root" --columns LINE,ADDRESS,NAME 2>/dev/null |
        string replace -rf "^$start.*[^0-9a-f]([0-9a-f]{4,8}:[0-9a-f:.]+) +(.*)" '$1\t$2'
end

# Those that are named already stay in front.
function __vfio_early_columns
    set -l named (commandline -ct | string replace -r '[^,+]*$' '')
    vfio-early list --help 2>/dev/null | sed -n '/^Columns:/,/^$/s/^\(Columns:\)\{0,1\}//p' |
        string split -n ' ' | string lower | string replace -r -- '^' "$named"
    echo "$named"all
end

function __vfio_early_first
    test (count (commandline -opc)) -eq 1
end

function __vfio_early_takes_device
    set -l words (commandline -opc)
    contains -- "$words[2]" list show add remove move status bind release
    and not contains -- "$words[-1]" --root --with --driver --allow --kernel --columns -o --expect --output
end

function __vfio_early_behind
    contains -- (commandline -opc)[-1] $argv
end

function __vfio_early_takes_file
    set -l words (commandline -opc)
    contains -- "$words[2]" audit import
    and not contains -- "$words[-1]" --root
    or contains -- "$words[-1]" --output
end

complete -c vfio-early -f
complete -c vfio-early -n __vfio_early_takes_file -F
complete -c vfio-early -n __vfio_early_first -a '(__vfio_early_commands)'
complete -c vfio-early -n __vfio_early_first -a 'help --help --version'
complete -c vfio-early -n '__vfio_early_behind help' -a '(__vfio_early_commands)'
complete -c vfio-early -n '__vfio_early_behind -o --columns' -a '(__vfio_early_columns)'
complete -c vfio-early -n 'not __vfio_early_first; and string match -q -- "-*" (commandline -ct)' \
    -a '(__vfio_early_options)'
complete -c vfio-early -n __vfio_early_takes_device -a '(__vfio_early_devices)'
complete -c vfio-early -n '__vfio_early_behind --with' -a 'functions group'
complete -c vfio-early -n '__vfio_early_behind --allow' -a 'boot-display in-use'
complete -c vfio-early -n '__vfio_early_behind --driver' -a 'vfio-pci auto'
complete -c vfio-early -n '__vfio_early_behind --root --dest capture' -a '(__fish_complete_directories)'
complete -c vfio-early -n '__vfio_early_behind --kernel image' -a '(path basename /lib/modules/*)'
