"""`python -m relay`: the same as `handrail-relay`."""

from relay.cli import main

if __name__ == "__main__":
    main()
