/* A shared object that is no plugin. */
int nothing_that_anybody_asks_for(void) { return 0; }
