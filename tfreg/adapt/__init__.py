"""Surgery on a built backbone: what it computes, what trains, what is penalised."""
