/* ion_resource.h - flux ion-resource (flux-ion-resource(1))
 */
#ifndef CMD_ION_RESOURCE_H
#define CMD_ION_RESOURCE_H

int cmd_ion_resource (int argc, char **argv);

#endif /* !CMD_ION_RESOURCE_H */
