#!/bin/sh
# Solvers that are none, by the name of the link to this file. What it starts stands in `<name>.pids`.
name=$(basename "$0")
case $* in
*--version*)
  case $name in
  old) echo 'This is cvc5 version 1.0.2' ;;
  other) echo 'Z3 version 4.8.12 - 64 bit' ;;
  mute) ;;
  hangs-at-once)
    echo $$ >> "$0.pids"
    sleep 600 &
    echo $! >> "$0.pids"
    wait
    ;;
  floods) yes ;;
  *) echo 'This is cvc5 version 1.4.0' ;;
  esac
  exit
  ;;
esac
asked=0
while read -r line; do
  case $line in
  '(check-sat)') asked=$((asked + 1)) ;;
  '(echo '*) echo "$line" | cut -d '"' -f 2; continue ;;
  '(get-model)') printf '(\n)\n'; continue ;;
  *) continue ;;
  esac
  case $name in
  never-knows) echo unknown; continue ;;
  always-unsat) echo unsat; continue ;;
  esac
  # Its first process is asked what is known, and answers rightly.
  if [ ! -e "$0.known" ]; then
    [ "$asked" = 1 ] && echo unsat || { touch "$0.known"; echo sat; }
    continue
  fi
  case $name in
  hangs)
    echo $$ >> "$0.pids"
    sleep 600 &
    echo $! >> "$0.pids"
    wait
    ;;
  dies) exit 7 ;;
  babbles) echo 'unsat, I think' ;;
  twice) printf 'unsat\nunsat\n' ;;
  endless) yes '(' ;;
  no-model) echo sat ;;
  unsure) echo unknown ;;
  esac
done
