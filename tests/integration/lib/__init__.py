"""The harness: real daemons, a real name server, SIPp, and scripted peers."""
