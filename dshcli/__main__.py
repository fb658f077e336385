"""`python -m dshcli` is `dsh`."""

from dshcli.app import main

main()
