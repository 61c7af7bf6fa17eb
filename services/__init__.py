"""The shipped stack: real applications that mamctl runs. None of them imports mamctl."""
