# `just` without arguments lists these. Each is one command that can be typed as well.

_default:
    @just --list

# Everything that continuous integration does
check:
    .ci/run

# The tests
test:
    cargo test

# The simulator: `just sim 5000`
sim seeds="2000":
    cargo run -p sim --release -- --seeds {{seeds}}

# The benches of the engine
bench *args:
    cargo bench -p srdb-benches {{args}}

# Each fuzz target for some seconds: `just fuzz 600`
fuzz seconds="60":
    .ci/fuzz {{seconds}}

# The API's documentation, and the book where mdbook is installed
doc:
    cargo doc --no-deps --workspace
    command -v mdbook >/dev/null && mdbook build docs || echo "no mdbook: docs/*.md read as they are"
