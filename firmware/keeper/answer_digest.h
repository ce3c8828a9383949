/* DIGEST and HA1: the finished response, or H(A1), with RES, CK and IK staying inside. */
#ifndef NISIM_KEEPER_ANSWER_DIGEST_H
#define NISIM_KEEPER_ANSWER_DIGEST_H

#include "work.h"

void answer_digest(struct work *work);
void answer_ha1(struct work *work);

#endif
