from extracts.cli import main

main()
