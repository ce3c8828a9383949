#include "answer_file.h"

#include "card_files.h"
#include "file_message.h"
#include "tree.h"

static bool find_file(struct work *work, const struct file_request *request,
                      const struct card *card, struct tree_file *out)
{
    bool is_there = tree_find(card, DIRECTORY_ISIM, request->file, out);
    if (work->fault.status != STATUS_OK || work->exit != EXIT_DONE)
        return false;
    if (!is_there)
        work_fail_at(work, STATUS_NO_SUCH_FILE, FIELD_FILE);
    else if (request->record > out->records)
        work_fail_at(work, STATUS_BAD_VALUE, FIELD_RECORD);
    return work->fault.status == STATUS_OK;
}

static void read_file(const struct file_request *request, const struct card *card,
                      const struct tree_file *file, struct file_answer *out)
{
    bool all = file->is_linear && request->record == 0;
    out->structure = file->is_linear ? FILE_LINEAR_FIXED : FILE_TRANSPARENT;
    out->record_count = (uint8_t)file->records;
    out->data_count = all ? file->records : 1;
    out->data_bytes = file->bytes;
    for (size_t i = 0; i < out->data_count; i++)
        tree_read(card, DIRECTORY_ISIM, file, all ? i + 1 : request->record,
                  out->data + i * file->bytes);
}

void answer_file(struct work *work)
{
    struct file_request request;
    struct file_answer answer;
    struct tree_file file;
    static const struct card_functions functions = {.gba_files = card_files_gba};
    struct card card = {
        .identity = &work->keeper->subscription.identity, .functions = &functions, .user = work};
    work->fault = file_request_read(work->body, work->body_bytes, &request);
    if (work->fault.status != STATUS_OK || !work_admit(work, &request.subscriber, FORM_FILES) ||
        !work_find_subscriber(work, &request.subscriber))
        return;
    card.asks_pin = work->keeper->subscription.pin.is_set;
    if (!find_file(work, &request, &card, &file))
        return;
    read_file(&request, &card, &file, &answer);
    if (work->fault.status != STATUS_OK || work->exit != EXIT_DONE)
        return;
    struct wire_writer writer = reply_begin(work->reply);
    file_answer_write(&writer, &answer);
    reply_end(work->reply, &writer, STATUS_OK);
}
