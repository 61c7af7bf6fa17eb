#!/bin/sh
# The seeds' entry point, by mamctl: manage_services.sh start|stop|restart|cleanup|reset-db
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
export PATH

case "${1:-}" in
    start)
        make --no-print-directory setup
        exec mamctl up -d
        ;;
    stop) exec mamctl down ;;
    restart)
        mamctl down
        exec mamctl up -d
        ;;
    cleanup) exec python -m services.backend cleanup ;;
    reset-db)
        shift
        exec python -m services.backend reset-db "$@"
        ;;
    *)
        echo "usage: $0 start|stop|restart|cleanup|reset-db [--yes]" >&2
        exit 2
        ;;
esac
