# Print the Makefile's own comments: '##@ group', and '## text' above a knob (NAME ?= value) or a target (name:).
/^##@ / { printf "\n%s\n", substr($0, 5); next }
/^## / { text = substr($0, 4); next }
text && /^[A-Za-z0-9_.-]+ \?=/ { value = $0; sub(/^[^=]*= ?/, "", value); printf "  %-30s %s%s\n", $1, text, length(value) && length(value) < 30 ? " [" value "]" : "" }
text && /^[a-z-]+:/ { name = $1; sub(/:.*/, "", name); printf "  make %-25s %s\n", name, text }
{ text = "" }
