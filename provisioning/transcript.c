#include "transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "office.h"

/* fopencookie: what is written to one of the two standard streams. */
static ssize_t write_to_both(FILE *stream, FILE *file, const char *bytes, size_t count)
{
    if (fwrite(bytes, 1, count, stream) != count || fflush(stream) != 0)
        return 0;
    size_t written = fwrite(bytes, 1, count, file);
    (void)fflush(file); /* makers of an import write there, too; what fails is seen at the end */
    return (ssize_t)written;
}

static ssize_t write_out(void *cookie, const char *bytes, size_t count)
{
    struct transcript *transcript = cookie;
    return write_to_both(transcript->former_out, transcript->file, bytes, count);
}

static ssize_t write_err(void *cookie, const char *bytes, size_t count)
{
    struct transcript *transcript = cookie;
    return write_to_both(transcript->former_err, transcript->file, bytes, count);
}

static void print_time(FILE *file, const char *what)
{
    time_t now = time(NULL);
    struct tm parts = {0};
    char text[32] = "";
    if (gmtime_r(&now, &parts) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    fprintf(file, "%s: %s\n", what, text);
}

/* The kernel's record of who logged in, which sudo does not change; 4294967295: nobody did. */
static void print_login(FILE *file)
{
    char text[16] = "";
    int descriptor = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
    ssize_t got = descriptor < 0 ? 0 : read(descriptor, text, sizeof text - 1);
    if (descriptor >= 0)
        close(descriptor);
    if (got > 0 && strcmp(text, "4294967295") != 0)
        fprintf(file, "logged in as: uid %s\n", text);
}

static void print_head(FILE *file, const struct arguments *arguments, const char *verb)
{
    char machine[256] = "";
    const struct passwd *user = getpwuid(geteuid());
    if (gethostname(machine, sizeof machine - 1) != 0)
        machine[0] = '\0';
    fputs("nisim-token transcript\n", file);
    print_time(file, "begun");
    fprintf(file, "machine: %s\nprogram: nisim-token " NISIM_VERSION "\nuser: %s, uid %u\n",
            machine, user == NULL ? "without a name" : user->pw_name, geteuid());
    print_login(file);
    fprintf(file, "act: %s%s%s\n--\n", verb, arguments->name == NULL ? "" : " ",
            arguments->name == NULL ? "" : arguments->name);
}

/* Unbuffered, so that both stand in the order in which they were written, prompts too. */
static FILE *copying(struct transcript *transcript, cookie_write_function_t *write_function)
{
    FILE *stream = fopencookie(transcript, "w", (cookie_io_functions_t){.write = write_function});
    if (stream != NULL && setvbuf(stream, NULL, _IONBF, 0) != 0) {
        fclose(stream);
        return NULL;
    }
    return stream;
}

static enum outcome divert(struct transcript *transcript)
{
    transcript->former_out = stdout;
    transcript->former_err = stderr;
    FILE *out = copying(transcript, write_out);
    FILE *err = copying(transcript, write_err);
    if (out != NULL && err != NULL) {
        stdout = out;
        stderr = err;
        return OUTCOME_DONE;
    }
    if (out != NULL)
        fclose(out);
    if (err != NULL)
        fclose(err);
    return outcome_fail(OUTCOME_FAILED, "memory is short");
}

enum outcome transcript_begin(const struct arguments *arguments, const char *verb,
                              struct transcript *out_transcript)
{
    struct transcript *transcript = out_transcript;
    transcript->path = arguments->transcript;
    if (transcript->path == NULL)
        return OUTCOME_DONE;
    int descriptor = open(transcript->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return outcome_fail(OUTCOME_USAGE, "transcript file %s: %s", transcript->path,
                            strerror(errno));
    transcript->file = fdopen(descriptor, "w");
    if (transcript->file == NULL) {
        close(descriptor);
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    }
    print_head(transcript->file, arguments, verb);
    enum outcome outcome = divert(transcript);
    if (outcome != OUTCOME_DONE)
        fclose(transcript->file);
    return outcome;
}

static void print_tail(FILE *file, const struct office *office, enum outcome outcome)
{
    fputs("--\n", file);
    if (office != NULL && office->token != NULL)
        fprintf(file, "token: %s, serial %s\n", office->token->label, office->token->serial);
    if (office != NULL && office->store_path != NULL)
        fprintf(file, "store: %s\n", office->store_path);
    for (size_t i = 0; office != NULL && i < office->act.approver_count; i++)
        fprintf(file, "approved by: %s\n", office->act.approvers[i]);
    fprintf(file, "outcome: %s, exit status %d\n", outcome == OUTCOME_DONE ? "done" : "failed",
            (int)outcome);
    print_time(file, "ended");
}

enum outcome transcript_end(struct transcript *transcript, const struct office *office,
                            enum outcome outcome)
{
    if (transcript->path == NULL)
        return outcome;
    FILE *out = stdout;
    FILE *err = stderr;
    stdout = transcript->former_out;
    stderr = transcript->former_err;
    bool failed = fclose(out) != 0;
    failed |= fclose(err) != 0;
    print_tail(transcript->file, office, outcome);
    failed |= ferror(transcript->file) != 0 || fflush(transcript->file) != 0 ||
              fsync(fileno(transcript->file)) != 0;
    failed |= fclose(transcript->file) != 0;
    if (failed && outcome == OUTCOME_DONE)
        return outcome_fail(OUTCOME_FAILED,
                            "%s is done, but its transcript %s can't be written whole",
                            office == NULL ? "it" : office->act.verb, transcript->path);
    return outcome;
}
