-- spectrum.lua - flux run -o mpi=spectrum: IBM Spectrum MPI
--
-- It is an Open MPI that expects its own launcher's PMIx: tell it to take the Flux
-- components, and forget what that launcher has left in the environment.
shell.env_strip ("^JSM_", "^PMIX_", "^OPAL_", "^PAMI_IBV_DEVICE")
shell.setenv ("OMPI_MCA_schizo", "flux")
shell.setenv ("OMPI_MCA_pmix", "flux")
shell.setenv ("OMPI_MCA_ess", "pmi")
