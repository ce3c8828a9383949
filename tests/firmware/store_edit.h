/* The store's file in the hands of somebody who has it. */
#ifndef NISIM_TESTS_FIRMWARE_STORE_EDIT_H
#define NISIM_TESTS_FIRMWARE_STORE_EDIT_H

/* Runs SQL, without a double quote, by the sqlite3 command; the test fails where that does. */
void store_edit(const char *path, const char *sql);

#endif
